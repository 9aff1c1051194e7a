"""The rival methods of the paper's Table 1. Importing this package registers them; each is one file here."""

from pysketch.baselines.grey import Grey
from pysketch.baselines.mrf import Mrf

__all__ = ["Grey", "Mrf"]
