"""An evaluation from beginning to end: every method draws all test photos, the tables that were asked for follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from pysketch.baselines import baseline_class
from pysketch.drawing import Sketcher, read_net_file
from pysketch.errors import DataError, counted
from pysketch.images import PHOTO_TO_SKETCH, Pair, load_pairs
from pysketch.report.crowd import draw_crowd
from pysketch.report.evaluation import SKETCH_CROP, WHOLE, check_strangers
from pysketch.report.evaluation_pages import check_library, write_pairs, write_report
from pysketch.report.further_tables import (
    tell_backgrounds,
    tell_groups,
    tell_matching,
    tell_measures,
    tell_skins,
    tell_verification,
)
from pysketch.report.groups import group_trials
from pysketch.report.matches import PIXELS
from pysketch.report.measures import MEASURES, Surroundings, usable_measures
from pysketch.report.methods import Bar, learned_method, net_method, no_bar
from pysketch.report.published import evaluate_pictures
from pysketch.report.request import DRAWN_AGAIN, Request
from pysketch.report.score_table import score_table
from pysketch.report.varied import background_trials, brought_back, in_light, skin_trials, with_moved_sketches


def score(
    request: Request,
    sketcher: Callable[[str], Sketcher] = Sketcher,
    bar: Bar = no_bar,
    say: Callable[[str], None] = lambda sentence: None,
) -> Iterator[str]:
    """The lines of all tables, each as soon as it is known; files that were asked for are written at the end.

    request: without a `problem`. sketcher: makes what draws of the net file's name. say: is told of what takes long,
    and of pairs that are left out. DataError and its sisters, before anything is drawn, for what cannot be had.
    """
    request.check_outputs()
    if request.report:
        check_library()
    baselines = [baseline_class(name)(seed=request.seed) for name in request.baseline or ()]
    direction = read_net_file(request.net)[1].direction if request.net else PHOTO_TO_SKETCH
    if direction != PHOTO_TO_SKETCH and request.draws_again:
        raise DataError(f"{request.net}: {DRAWN_AGAIN} are for nets from photo to sketch; this one draws photos")
    pairs = _moved(load_pairs(request.data, "test", direction), request, say)
    match, crop = request.match[0] if request.match else PIXELS, WHOLE if request.whole else SKETCH_CROP
    skins = skin_trials(pairs, request.data, request.skin) if request.skin else []
    backgrounds = background_trials(pairs, request.data, request.background) if request.background else []
    light = partial(in_light, light=request.light, seed=request.seed)
    lit = light(pairs)
    published = [evaluate_pictures(folder, pairs, crop, match) for folder in request.pictures or ()]
    asked = request.measures is not None
    names, missing = usable_measures(request.measures or list(MEASURES)) if asked else ([], [])
    needed = baselines or request.distractors or any(MEASURES[name].distractors for name in names)
    training = load_pairs(request.data, "train", direction) if needed else []
    if request.distractors:
        check_strangers(training, pairs, "a crowd")
    methods = [net_method(Path(request.net).stem, sketcher(request.net), match, crop)] if request.net else []
    methods += [learned_method(baseline, training, lit, bar, match, crop) for baseline in baselines]
    evaluations = [method.evaluate(lit, bar=bar) for method in methods] + published
    yield f"{counted(len(pairs), 'pair')}, {'{}x{}'.format(*evaluations[0].crop)} pixels, ranks by {match}"
    yield from score_table(evaluations)
    sections, measured, verified = [], [], []
    if request.match:
        crowds = []
        for method in methods if request.distractors else ():
            with bar(f"{method.name} draws others", "photo") as progress:
                crowds.append(draw_crowd(method.draw, training, request.distractors, request.seed, progress, crop))
        told = tell_matching(evaluations, request.match, request.inner, crowds)
        yield from told.lines
        sections.append(told.section)
    if request.verify:
        told, verified = tell_verification(evaluations, request.seed)
        yield from told.lines
        sections.append(told.section)
    if asked:
        heads = ", ".join(MEASURES[name].head for name in names)
        say(f"measuring {len(pairs) * len(evaluations)} sketches: {heads}; up to a second each")
        around = Surroundings(pairs, training, evaluations[0].crop)
        told, measured = tell_measures(names, missing, evaluations, around, bar)
        yield from told.lines
        sections.append(told.section)
    further = [
        (skins, partial(tell_skins, methods, skins, light, bar)),
        (backgrounds, partial(tell_backgrounds, methods, backgrounds, light, bar)),
        (request.groups, lambda: tell_groups(methods, group_trials(request.groups), light, bar, request.seed)),
    ]
    for wanted, tell in further:
        if wanted:
            told = tell()
            yield from told.lines
            sections.append(told.section)
    beside = zip(*[each for each in (verified, measured) if each], strict=True)
    columns = [{name: values for each in of_one for name, values in each.pairs.items()} for of_one in beside]
    if request.csv:
        write_pairs(request.csv, evaluations, columns)
    if request.report:
        yield f"report: {write_report(request.report, evaluations, lit, sections, direction, columns, verified)}"


def _moved(pairs: list[Pair], request: Request, say: Callable[[str], None]) -> Sequence[Pair]:
    """The pairs as moved and realign ask."""
    if not request.realign:
        return with_moved_sketches(pairs, request.moved, request.seed)
    found, lost = brought_back(pairs, request.moved or (), request.seed)
    if lost:
        say(f"left out, as not one face was found in each picture: {', '.join(lost)}")
    return found
