"""The rival methods of the paper's Table 1, one file each or a file and its parts.

A `Baseline` learns from pairs and draws photos of their size; its fields are its options. Its decorator, `register`,
gives it a name for --baseline; every file of this folder is imported here, so that a new baseline is one new file.

Start reading at `baseline`, then at `lle`, the shortest of those that learn patches.
"""

import importlib
import pkgutil

from pysketch.baselines.baseline import BASELINES, Baseline, Progress, baseline_class, register, silent

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["BASELINES", "Baseline", "Progress", "baseline_class", "register", "silent"]
