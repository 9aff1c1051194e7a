"""pysketch: draws pencil sketches of face photos, by a small Caffe-style engine.

``Net`` and ``Solver`` run and train what a netdef says, ``Sketcher`` draws with a trained net file.
"""

from pysketch import io
from pysketch.net import Net
from pysketch.netdef import Phase
from pysketch.sketcher import Sketcher
from pysketch.solver import Solver, get_solver
from pysketch.solver_def import load_solver

__version__ = "0.1.0"
__all__ = ["Net", "Phase", "Sketcher", "Solver", "get_solver", "io", "load_solver"]
