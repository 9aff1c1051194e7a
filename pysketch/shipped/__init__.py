"""What comes with the code and is found by name: netdefs, solver files, trained nets, and the commands.

In a checkout they are the folders netdefs, solver and tools beside pysketch; in a wheel they lie in this folder. The
command ``pysketch`` (`command`) runs the folder tools from either place, each tool under a word (`words`).

Start reading at `folders`, then `names`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "extras": ["how_to_install"],
        "folders": ["folder"],
        "names": ["find_net", "find_netdef", "find_solver", "net_of_digest"],
        "words": ["COMMANDS", "in_words"],
    },
)
