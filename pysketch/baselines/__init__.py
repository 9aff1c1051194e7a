"""The rival methods of the paper's Table 1. Importing this package registers them; each is one file here."""

from pysketch.baselines.baseline import BASELINES, Baseline, baseline_class
from pysketch.baselines.et import ET
from pysketch.baselines.grey import Grey
from pysketch.baselines.lle import LLE
from pysketch.baselines.mrf import MRF
from pysketch.baselines.mrf_plus import MRFPlus

__all__ = ["BASELINES", "ET", "LLE", "MRF", "Baseline", "Grey", "MRFPlus", "baseline_class"]
