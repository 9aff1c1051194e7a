"""What comes with the code and is found by name: netdefs, solver files, trained nets, and the commands.

In a checkout they are the folders netdefs, solver and tools beside pysketch; in a wheel they lie in this folder.

Start reading at `folders`.
"""

from pysketch.shipped.folders import folder

__all__ = ["folder"]
