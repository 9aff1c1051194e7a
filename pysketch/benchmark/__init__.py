"""Races against peers, rooflines, growth: how long a net takes, and in how much memory.

Each contender, ourselves included, works in a process of its own (`contender`), with equal weights, inputs and
threads; `race` lets them take turns and compares their results before any time is shown. `estimate` and `roofline`
say what a device could do at best. `ranks` times a training that several processes share (`rank` is one of them), and
`scaling` says what many should take. `card` asks a card everything at once, for one report.

Start reading at `race`.
"""

from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.report import report_card
from pysketch.benchmark.contender.child import peak_bytes
from pysketch.benchmark.contender.peers import LIBRARIES
from pysketch.benchmark.estimate import report_estimate
from pysketch.benchmark.gallery_race import GalleryJob, race_in_gallery, report_gallery, summary_gallery
from pysketch.benchmark.growth import KINDS, NETS, check_picture, grow
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race
from pysketch.benchmark.race_report import report_race, summary_race
from pysketch.benchmark.ranks import measure_ranks, report_ranks, summary_ranks
from pysketch.benchmark.roofline import measure_roofline, report_roofline, summary_roofline
from pysketch.benchmark.scaling_report import report_scaling
from pysketch.benchmark.table2 import PAPER_MS, measure_table2, report_table2, summary_table2

__all__ = [
    "KINDS",
    "LIBRARIES",
    "NETS",
    "PAPER_MS",
    "GalleryJob",
    "Job",
    "Plan",
    "check_picture",
    "grow",
    "measure_ranks",
    "measure_roofline",
    "measure_table2",
    "peak_bytes",
    "race_in_gallery",
    "report_card",
    "report_estimate",
    "report_gallery",
    "report_race",
    "report_ranks",
    "report_roofline",
    "report_scaling",
    "report_table2",
    "run_race",
    "summary_gallery",
    "summary_race",
    "summary_ranks",
    "summary_roofline",
    "summary_table2",
]
