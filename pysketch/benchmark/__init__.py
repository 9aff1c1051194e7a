"""Races against peers, rooflines, growth: how long a net takes, and in how much memory.

Each contender, ourselves included, works in a process of its own (`contender`), with equal weights, inputs and
threads; `race` lets them take turns and compares their results before any time is shown. `estimate` and `roofline`
say what a device could do at best, `engines` how well the choice of a convolution's engine is founded.

Start reading at `race`.
"""

from pysketch.benchmark.contender.child import peak_bytes
from pysketch.benchmark.contender.peers import LIBRARIES
from pysketch.benchmark.engines import measure_engines, report_engines, summary_engines
from pysketch.benchmark.estimate import report_estimate
from pysketch.benchmark.gallery_race import GalleryJob, race_in_gallery, report_gallery, summary_gallery
from pysketch.benchmark.growth import KINDS, NETS, check_picture, grow
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race
from pysketch.benchmark.race_report import report_race, summary_race
from pysketch.benchmark.roofline import measure_roofline, report_roofline, summary_roofline
from pysketch.benchmark.table2 import PAPER_MS, measure_table2, report_table2, summary_table2

__all__ = [
    "KINDS",
    "LIBRARIES",
    "NETS",
    "PAPER_MS",
    "GalleryJob",
    "Job",
    "check_picture",
    "grow",
    "measure_engines",
    "measure_roofline",
    "measure_table2",
    "peak_bytes",
    "race_in_gallery",
    "report_engines",
    "report_estimate",
    "report_gallery",
    "report_race",
    "report_roofline",
    "report_table2",
    "run_race",
    "summary_engines",
    "summary_gallery",
    "summary_race",
    "summary_roofline",
    "summary_table2",
]
