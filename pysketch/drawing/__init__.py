"""A photo in, a sketch out.

A net file (`net_file`) is weights, netdef and preprocessing in one .h5: all that drawing needs. `Sketcher` builds the
net that draws and runs a photo through it, in tiles if it is large.

Start reading at `sketcher`.
"""

from pysketch.drawing.net_file import read_net_file, write_net_file
from pysketch.drawing.sketcher import DEPLOY, Sketcher, deploy_net

__all__ = [
    "DEPLOY",
    "Sketcher",
    "deploy_net",
    "read_net_file",
    "write_net_file",
]
