"""The rival methods of the paper's Table 1. Importing this package registers them; each is one file here."""

from pysketch.baselines.baseline import BASELINES, Baseline, baseline_class
from pysketch.baselines.e_hmm import EHMM
from pysketch.baselines.et import ET
from pysketch.baselines.grey import Grey
from pysketch.baselines.lle import LLE
from pysketch.baselines.mrf import MRF
from pysketch.baselines.mrf_plus import MRFPlus
from pysketch.baselines.sns import SNS
from pysketch.baselines.sns_sre import SNSSRE
from pysketch.baselines.svr import SVR

__all__ = [
    "BASELINES",
    "EHMM",
    "ET",
    "LLE",
    "MRF",
    "SNS",
    "SNSSRE",
    "SVR",
    "Baseline",
    "Grey",
    "MRFPlus",
    "baseline_class",
]
