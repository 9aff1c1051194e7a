"""A photo in, a sketch out.

A net file (`net_file`) is weights, netdef and preprocessing in one .h5: all that drawing needs. `Sketcher` builds the
net that draws and runs a photo through it, in tiles if it is large. `choice` says which faces of a photo are drawn,
`faces` brings each into the frame first, `targets` says which file each sketch goes to.

Start reading at `sketcher`.
"""

from pysketch.drawing.choice import Words, choose_faces
from pysketch.drawing.faces import draw_faces
from pysketch.drawing.net_file import read_net_file, write_net_file
from pysketch.drawing.sketcher import DEPLOY, Sketcher, deploy_net, steps_of
from pysketch.drawing.targets import numbered, plan_jobs, taken_names

__all__ = [
    "DEPLOY",
    "Sketcher",
    "Words",
    "choose_faces",
    "deploy_net",
    "draw_faces",
    "numbered",
    "plan_jobs",
    "read_net_file",
    "steps_of",
    "taken_names",
    "write_net_file",
]
