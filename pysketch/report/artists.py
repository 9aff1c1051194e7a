"""Who draws the test photos of an evaluation: methods of this process, or others', to whom photos are handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from pysketch.baselines import Baseline, baseline_class
from pysketch.drawing import Sketcher, read_net_file
from pysketch.images import PHOTO_TO_SKETCH, Pair, load_pairs
from pysketch.parallel import Lost, Work
from pysketch.report.evaluation import SKETCH_CROP, WHOLE, ManyAtOnce, check_strangers, draw_each
from pysketch.report.matches import PIXELS
from pysketch.report.methods import Bar, Method, learned_method, net_method, no_bar
from pysketch.report.request import Request

HandOut = Callable[..., Iterator[Any]]
"""`parallel.Hands` of those who do what `drawing` does."""


def direction_of(request: Request) -> str:
    """Which way is drawn: as the net draws, or from photo to sketch."""
    return read_net_file(request.net)[1].direction if request.net else PHOTO_TO_SKETCH


def baselines_of(request: Request) -> list[Baseline]:
    """The rivals, which have not learned yet."""
    return [baseline_class(name)(seed=request.seed) for name in request.baseline or ()]


def methods_here(
    request: Request,
    sketcher: Callable[[str], Sketcher],
    training: Sequence[Pair],
    pairs: Sequence[Pair],
    bar: Bar = no_bar,
) -> list[Method]:
    """The net and the baselines, which learn here; DataError if a test photo is among those they are to learn from."""
    how = match_and_crop(request)
    nets = [net_method(Path(request.net).stem, sketcher(request.net), *how)] if request.net else []
    return nets + [learned_method(each, training, pairs, bar, *how) for each in baselines_of(request)]


def methods_handed_out(
    request: Request, hand_out: HandOut, training: Sequence[Pair], pairs: Sequence[Pair], bar: Bar = no_bar
) -> list[Method]:
    """The same methods, each photo drawn by whoever is free; who draws by a baseline has learned it first."""

    def results(jobs: list[list[Any]]) -> Iterator[Any]:
        for result in hand_out(jobs, name=lambda job: f"a photo for {names[job[0]]}"):
            if isinstance(result, Lost):
                raise result
            yield result

    how = match_and_crop(request)
    names = [Path(request.net).stem] if request.net else []
    seconds = [0.0 for _ in names]
    for baseline in baselines_of(request):
        check_strangers(training, pairs, f'baseline "{baseline.name}"')
        names.append(baseline.name)
        with bar(f"{baseline.name} learns", "step"):
            seconds += results([[len(names) - 1]])
    return [
        Method(name, ManyAtOnce(lambda photos, k=k: results([[k, each] for each in photos])), learned, *how)
        for k, (name, learned) in enumerate(zip(names, seconds, strict=True))
    ]


def drawing(request: Request, sketcher: Callable[[str], Sketcher]) -> Work:
    """What a process does for another one's methods: [k, photo] -> [its sketch by the k-th, seconds].

    [k] alone -> the seconds of learning. A baseline learns when it is first asked for.
    """
    nets = [net_method(Path(request.net).stem, sketcher(request.net), *match_and_crop(request))] if request.net else []
    baselines = baselines_of(request)

    @cache
    def method(k: int) -> Method:
        if k < len(nets):
            return nets[k]
        return learned_method(baselines[k - len(nets)], load_pairs(request.data, "train", direction_of(request)), [])

    def draw(job: Any) -> Any:
        k, *photo = job
        return next(draw_each(method(k).draw, photo)) if photo else method(k).learn_seconds

    return partial(map, draw)


def match_and_crop(request: Request) -> tuple[str, tuple[int, int]]:
    """By what people are recognised, and what is scored of a sketch."""
    return request.match[0] if request.match else PIXELS, WHOLE if request.whole else SKETCH_CROP
