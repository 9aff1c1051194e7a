"""pysketch: draws pencil sketches of face photos, by a small Caffe-style engine.

``Net`` and ``Solver`` run and train what a netdef says, ``Sketcher`` draws with a trained net file; a ``Context`` says
where and how they work.
"""

from pysketch import caffe
from pysketch.caffe import io
from pysketch.drawing import Sketcher
from pysketch.layers import STAND_INS, Context
from pysketch.net import Net
from pysketch.netdef import Phase
from pysketch.search import Gallery
from pysketch.solver import Solver, get_solver, load_solver

STAND_INS["caffe"] = caffe

__version__ = "0.1.0"
__all__ = ["Context", "Gallery", "Net", "Phase", "Sketcher", "Solver", "get_solver", "io", "load_solver"]
