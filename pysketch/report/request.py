"""What an evaluation is asked for: which options go together, and that nothing which is scored is overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pysketch.errors import DataError
from pysketch.files import check_output
from pysketch.images import SYNTHETIC, pair_files
from pysketch.report.pages import PICTURES

DRAWN_AGAIN = "--skin, --background and --groups"


@dataclass(frozen=True)
class Request:
    """The options of tools/evaluate.py, by their names there; None, False or empty: not asked for.

    data: the pairs, as `load_pairs` takes them. net: a net file. baseline: names of rivals. pictures: folders of
    somebody's sketches. measures: names, () for all. The others are those of the tables that they ask for.
    """

    data: str
    net: str | None = None
    baseline: Sequence[str] | None = None
    pictures: Sequence[Path] | None = None
    seed: int = 0
    light: Sequence[float] | None = None
    moved: Sequence[float] | None = None
    realign: bool = False
    whole: bool = False
    match: Sequence[str] | None = None
    inner: bool = False
    distractors: int | None = None
    skin: Sequence[str] | None = None
    background: Sequence[str] | None = None
    groups: int | None = None
    verify: bool = False
    measures: Sequence[str] | None = None
    csv: Path | None = None
    report: Path | None = None

    @property
    def draws_again(self) -> bool:
        """Whether photos are changed and drawn once more."""
        return bool(self.skin or self.background or self.groups)

    def problem(self) -> str | None:
        """In a sentence, which options do not go together; None if all do."""
        draws = self.net or self.baseline
        wrong = {
            "expected a net file, --baseline NAME or --pictures FOLDER": not (draws or self.pictures),
            f"{DRAWN_AGAIN} need something that draws: a net file, or --baseline NAME": self.draws_again and not draws,
            "--groups is for made people: --data synthetic": self.groups and self.data != SYNTHETIC,
            "--realign brings back what --moved moves": self.realign and not self.moved,
            "--inner and --distractors are for the table of --match": (self.inner or self.distractors)
            and not self.match,
            "--distractors need something that draws them: --pictures has no others": self.distractors
            and self.pictures,
        }
        return next((sentence for sentence, holds in wrong.items() if holds), None)

    def check_outputs(self) -> None:
        """DataError if --csv or --report cannot be written there, or would overwrite what is to be scored."""
        if self.csv and self.csv.is_dir():
            raise DataError(f"{self.csv}: the scores cannot be written there: it is a folder")
        folders = [each for each in self.pictures or () if each.is_dir()]
        inputs = [self.net or "", *pair_files(self.data), *folders, *(self.background or ())]
        inputs += [file for folder in folders for file in folder.iterdir()]
        names = ("index.html", "pairs.csv", "roc.csv", PICTURES)
        outputs = [self.report / name for name in names] if self.report else []
        for output in [*outputs, *([self.csv] if self.csv else [])]:
            check_output(output, inputs)
