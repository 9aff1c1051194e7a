"""How a room opens: what its `__init__.py` exports is imported when it is asked for, not before.

A door says in a table which file of its room each name comes from (`door`), so that who takes one name waits for no
other file, and `import pysketch` for none. `Registry` does the same for classes that are one file each and are asked
for by a name, such as a layer's type. Nothing here imports more than a few small modules of the standard library.

Start reading at `door`.
"""

from pysketch.doors.door import open_door
from pysketch.doors.registry import Registry
from pysketch.doors.stand_ins import FIRST_PATH, STAND_INS, stand_in

__all__ = ["FIRST_PATH", "STAND_INS", "Registry", "open_door", "stand_in"]
