"""Races against peers, rooflines, growth: how long a net takes, and in how much memory.

Each contender, ourselves included, works in a process of its own (`contender`), with equal weights, inputs and
threads; `race` lets them take turns and compares their results before any time is shown. `estimate` and `roofline`
say what a device could do at best, `engines` how well the choice of a convolution's engine is founded. `ranks` times a
training that several processes share (`rank` is one of them), and `scaling` says what many should take. `card` asks a
card everything at once, for one report.

Start reading at `race`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "card.plan": ["Plan"],
        "card.report": ["report_card"],
        "contender.child": ["peak_bytes"],
        "contender.libraries": ["LIBRARIES"],
        "engines": ["measure_engines", "report_engines", "summary_engines"],
        "estimate": ["report_estimate"],
        "gallery_race": ["GalleryJob", "race_in_gallery", "report_gallery", "summary_gallery"],
        "growth": ["NETS", "check_picture", "grow"],
        "kinds": ["KINDS"],
        "nets": ["Job"],
        "race": ["run_race"],
        "race_report": ["report_race", "summary_race"],
        "ranks": ["measure_ranks", "report_ranks", "summary_ranks"],
        "roofline": ["measure_roofline", "report_roofline", "summary_roofline"],
        "scaling_report": ["report_scaling"],
        "table2": ["PAPER_MS", "measure_table2", "report_table2", "summary_table2"],
    },
)
