"""Compiled kernels: C of ours that convolutions on a CPU run in place of NumPy calls, where it was built.

One source, `module.c` with its headers, is built once for each instruction set that a CPU may have, as `_avx512`,
`_avx2` and `_generic`; `kernels` hands out the best that was built and that this CPU runs, or None. Without a compiler
there are none: then NumPy does the work, and `describe` says so.

Start reading at `loader`.
"""

from pysketch.doors import open_door

__all__ = open_door(__name__, {"loader": ["describe", "kernels"]})
