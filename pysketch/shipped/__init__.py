"""What comes with the code and is found by name: netdefs, solver files, trained nets, and the commands.

In a checkout they are the folders netdefs, solver and tools beside pysketch; in a wheel they lie in this folder. The
command ``pysketch`` (`command`) runs the folder tools from either place, each tool under a word (`words`).

Start reading at `folders`, then `names`.
"""

from pysketch.shipped.extras import how_to_install
from pysketch.shipped.folders import folder
from pysketch.shipped.names import find_net, find_netdef, find_solver, net_of_digest
from pysketch.shipped.words import COMMANDS, in_words

__all__ = [
    "COMMANDS",
    "find_net",
    "find_netdef",
    "find_solver",
    "folder",
    "how_to_install",
    "in_words",
    "net_of_digest",
]
