"""The rival methods of the paper's Table 1, one file each or a file and its parts.

A `Baseline` learns from pairs and draws photos of their size; its fields are its options. Its decorator, `register`,
gives it a name for --baseline, which is its file's, too: that is imported when it is asked for, and a new baseline is
one new file.

Start reading at `baseline`, then at `lle`, the shortest of those that learn patches.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "baseline": ["Baseline", "Progress", "baseline_class", "register", "silent"],
        "names": ["baseline_names"],
    },
)
