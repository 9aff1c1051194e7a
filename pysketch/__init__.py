"""pysketch: draws pencil sketches of face photos, by a small Caffe-style engine.

``Net`` and ``Solver`` run and train what a netdef says, ``Sketcher`` draws with a trained net file; a ``Context`` says
where and how they work. A name is imported when it is asked for; so is a room, as ``pysketch.images``.
"""

from pysketch.doors import STAND_INS, open_door

STAND_INS["caffe"] = "pysketch.caffe"

__version__ = "0.1.0"
__all__ = open_door(
    __name__,
    {
        "caffe": ["io"],
        "drawing": ["Sketcher"],
        "layers": ["Context"],
        "net": ["Net"],
        "netdef": ["Phase"],
        "search": ["Gallery"],
        "solver": ["Solver", "get_solver", "load_solver"],
    },
    rooms=[
        "baselines",
        "benchmark",
        "caffe",
        "convolution",
        "device",
        "drawing",
        "images",
        "interop",
        "layers",
        "native",
        "net",
        "netdef",
        "page",
        "parallel",
        "report",
        "reproduce",
        "search",
        "shipped",
        "solver",
        "weights",
    ],
)
