"""The page, in Gradio's parts: what is on it, and what happens when something is dropped, clicked, dragged or typed.

The browser holds all there is: the picture, as a data URL, and the eyes. Each event brings them along, so nothing is
kept here between two of them. What a visitor uploads is a file for as long as it takes to read it.
"""

# No `from __future__ import annotations`: Gradio looks at the types of handlers, where a text would say nothing to it.

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from pysketch.device import out_of_memory
from pysketch.errors import DataError, PysketchError
from pysketch.page.studio import Look, Studio, marked, moved_to, shown_size
from pysketch.page.traffic import from_eyes, from_url, is_sent_as_it_is, plain, to_eyes, to_url
from pysketch.report import WORTH, Person
from pysketch.shipped import how_to_install

logger = logging.getLogger(__name__)

MATCHES = 10
"""How many people are shown."""

_CSS = """
.gradio-container { width: 100%; max-width: 1200px !important; margin: auto; }
.gradio-container img { image-orientation: from-image; }
"""

_ENTER = """<script>
document.addEventListener("keydown", event => {
    if (event.key === "Enter" && event.target.matches("input[type=number]")) event.target.blur();
});
</script>"""
"""Gradio's Slider tells of a typed number only when its box is left: Enter leaves it."""

_GONE = """<script>
(() => {
    const words = "This page does not answer any more: where it was started it was ended, or the network is gone. "
        + "What is shown here stays; start it again and load the page anew.";
    const notice = document.createElement("div");
    notice.setAttribute("role", "alert");
    notice.textContent = words;
    notice.style.cssText = "position: fixed; inset: 0 0 auto 0; padding: 0.8em; z-index: 9999; text-align: center;"
        + "background: #b00020; color: white; font-family: system-ui, sans-serif;";
    const ask = () => fetch("robots.txt", {cache: "no-store"});
    setInterval(() => ask().then(() => notice.remove(), () => document.body.append(notice)), 3000);
})();
</script>"""
"""Asks every three seconds whether there is still somebody who answers, and says so if there is nobody."""

_LEGEND = (
    "Of each person the photo, what the net drew of it, and where that and the sketch agree: orange places speak for "
    "the match, blue ones against it, as strongly as they are coloured, by one measure for all people."
)
_SLIDERS = ("Left eye: x", "Left eye: y", "Right eye: x", "Right eye: y")
_OF_WHAT = {"sketch": ("Portrait", "the person in front of the camera"), "photo": ("Drawing", "the person drawn")}


class Limits(NamedTuple):
    """megabytes: of a picture's file. visitors: for how many an answer is made at one time; sixteen times as many wait.

    A visitor sends one picture at a time, so that is how many are at work here.
    """

    megabytes: float = 20.0
    visitors: int = 4

    @property
    def file_bytes(self) -> int:
        """Of a picture's file."""
        return int(self.megabytes * 2**20)

    @property
    def message_bytes(self) -> int:
        """Of what a browser sends in one piece: a file with its envelope, or the same as text, which is 4/3 as long."""
        return self.file_bytes * 3 // 2 + 2**20


class Given(NamedTuple):
    """A picture as a browser sends it: a file that it has uploaded, or a data URL; and what it is called."""

    path: str | None
    url: str | None
    name: str

    @classmethod
    def of(cls, value: Any) -> "Given | None":
        """What Gradio hands on of it, which is whatever the browser has sent; None for no picture."""
        if value is None:
            return None
        fields = [value.get(name) if isinstance(value, dict) else "" for name in ("path", "url", "orig_name")]
        path, url, name = (each if isinstance(each, str) and each else None for each in fields)
        return cls(path, url, Path(name).name[:100] if name else "the picture")

    def content(self, uploads: Path) -> bytes:
        """The file's bytes; a file in the folder of uploads is gone then, and no other is looked at.

        DataError if it is there no more.
        """
        if self.path is None:
            return from_url(self.url or "")
        try:
            path = Path(os.path.realpath(self.path))
            if not path.is_relative_to(os.path.realpath(uploads)):
                raise FileNotFoundError
            content = path.read_bytes()
            path.unlink()
        except (OSError, ValueError):
            raise DataError(f"{self.name}: did not arrive; take it again") from None
        return content


def shown(picture: np.ndarray | bytes, name: str) -> dict[str, Any]:
    """A picture, (H, W) or (H, W, 3) uint8 or a file's bytes, as Gradio's Image takes it in the browser: no file.

    name: that a download has, without a suffix.
    """
    url = to_url(picture)
    suffix = "jpg" if url.startswith("data:image/jpeg") else "png"
    return {"path": None, "url": url, "orig_name": f"{name}.{suffix}", "meta": {"_type": "gradio.FileData"}}


def load_gradio() -> ModuleType:
    """The library; DataError that says how to install it where it is missing."""
    try:
        import gradio
    except ImportError:
        raise DataError(f"the page needs Gradio: {how_to_install('page')}") from None
    return gradio


def build(studio: Studio, limits: Limits, uploads: Path) -> Any:
    """The page as Gradio's Blocks, not yet started; uploads: the folder where Gradio puts what browsers send."""
    gr = load_gradio()
    with gr.Blocks(title="pysketch", analytics_enabled=False, fill_width=False) as page:
        gr.Markdown(
            "# pysketch\nPortraits drawn in pencil. What you show to this page stays on the computer that serves it, "
            "and is forgotten after each answer."
        )
        if studio.gallery is None:
            _add_draw(gr, studio, limits, uploads)
        else:
            with gr.Tab("Draw"):
                _add_draw(gr, studio, limits, uploads)
            with gr.Tab("Find"):
                _add_find(gr, studio, limits, uploads)
    page.queue(default_concurrency_limit=limits.visitors, max_size=16 * limits.visitors, api_open=False)
    return page


def styles() -> dict[str, Any]:
    """What `launch` needs to make the page look right, all of it from here: theme and fonts, the CSS, a script."""
    gr = load_gradio()
    system = ["system-ui", "sans-serif"]
    theme = gr.themes.Default(primary_hue="orange", font=system, font_mono=["ui-monospace", "monospace"])
    return {"theme": theme, "css": _CSS, "head": _ENTER + _GONE}


def _add_draw(gr: ModuleType, studio: Studio, limits: Limits, uploads: Path) -> None:
    """A portrait on the left with its eyes, what is drawn of it on the right."""
    label, where = _OF_WHAT[studio.drawn]
    drawn = studio.drawn.capitalize()
    with gr.Row():
        with gr.Column(min_width=300):
            eyes = _Eyes(gr, studio, limits, uploads, label, where, studio.look)
        with gr.Column(min_width=300):
            sketch = gr.Image(label=f"{drawn}, aligned", interactive=False, buttons=["download", "fullscreen"])
            beside = gr.Image(label="Side by side", interactive=False, buttons=["download", "fullscreen"])
            pasted = gr.Image(label="In the picture", interactive=False, buttons=["download", "fullscreen"])

    def answer(photo: np.ndarray, faces: list[np.ndarray], chosen: int) -> list[Any]:
        drawing = studio.draw(photo, faces, chosen)
        names = (studio.drawn, "side_by_side", "pasted")
        return [shown(each, name) for each, name in zip(drawing, names, strict=True)]

    eyes.answer_with(answer, [sketch, beside, pasted], [None] * 3)


def _add_find(gr: ModuleType, studio: Studio, limits: Limits, uploads: Path) -> None:
    """A sketch on the left with its eyes, the people who look like it on the right, nearest first."""
    rows = []
    with gr.Row():
        with gr.Column(min_width=300):
            where = "the sketch in front of the camera"
            eyes = _Eyes(gr, studio, limits, uploads, "Sketch", where, studio.look_at_sketch)
        with gr.Column(min_width=300, scale=2):
            gr.Markdown(plain(WORTH))
            sure = gr.Markdown(visible=False)
            legend = gr.Markdown(plain(_LEGEND), visible=False)
            for _ in range(MATCHES):
                with gr.Column(visible=False) as box:
                    heading = gr.Markdown()
                    with gr.Row():
                        pictures = [
                            gr.Image(
                                interactive=False, show_label=False, alt_text=what, min_width=80, buttons=["fullscreen"]
                            )
                            for what in ("Photo", "Drawn of it", "Where they agree")
                        ]
                rows.append([box, heading, *pictures])

    def one(rank: int, person: Person) -> list[Any]:
        words = f"**{rank}. {plain(person.name)}** {plain(person.words)}. {plain(' '.join(person.missing))}"
        pictures = (person.photo, person.drawn, person.agreement)
        updates = [
            gr.update(value=shown(each, "match") if each is not None else None, visible=each is not None)
            for each in pictures
        ]
        return [gr.update(visible=True), words, *updates]

    nobody = [gr.update(visible=False), "", None, None, None]
    empty = [gr.update(visible=False), gr.update(visible=False), *nobody * MATCHES]

    def answer(photo: np.ndarray, faces: list[np.ndarray], chosen: int) -> list[Any]:
        found = studio.find(photo, faces[chosen], MATCHES)
        filled = [one(rank, each) for rank, each in enumerate(found.nearest, 1)]
        values = [value for row in [*filled, *[nobody] * (MATCHES - len(filled))] for value in row]
        return [gr.update(value=plain(found.sure), visible=True), gr.update(visible=True), *values]

    eyes.answer_with(answer, [sure, legend, *(part for row in rows for part in row)], empty)


class _Eyes:
    """A picture to be dropped, its faces with their eyes, and four sliders for the eyes of the one that is chosen."""

    def __init__(
        self,
        gr: ModuleType,
        studio: Studio,
        limits: Limits,
        uploads: Path,
        label: str,
        where: str,
        look: Callable[[np.ndarray], Look],
    ) -> None:
        self._gr, self._studio, self._uploads, self._look = gr, studio, uploads, look
        sources = ["upload", "webcam", "clipboard"]
        self.photo = gr.Image(
            label=label, sources=sources, interactive=True, height=280, buttons=[], alt_text=f"{label}, as given"
        )
        most = f"up to {limits.megabytes:g} MB and {studio.most_pixels / 1e6:g} megapixels"
        self.note = gr.Markdown(f"Drop a picture here, {most}, or take one with {where}.")
        label = "Eyes: click where one is"
        self.marked = gr.Image(label=label, interactive=False, visible=False, buttons=["fullscreen"])
        self.chosen = gr.Radio(label="Face, from the left", type="value", visible=False)
        with gr.Accordion("Eyes in pixels: drag or type", open=True, visible=False) as self.fine:
            self.sliders = [gr.Slider(0, 1, 0, step=0.1, label=name, buttons=[]) for name in _SLIDERS]
        self.eyes = gr.JSON(visible=False)
        self._own = [self.note, self.marked, self.chosen, self.fine, *self.sliders, self.eyes]

    def answer_with(
        self, answer: Callable[[np.ndarray, list[np.ndarray], int], list[Any]], outputs: Sequence[Any], empty: list[Any]
    ) -> None:
        """Whatever is done to the picture or the eyes fills the outputs with answer(photo, faces, chosen)."""
        gr = self._gr

        def show(photo: np.ndarray, faces: list[np.ndarray], chosen: int, remark: str) -> list[Any]:
            return [*self._show(photo, faces, chosen, remark), *answer(photo, faces, chosen)]

        def failed(error: Exception) -> list[Any]:
            return [*self._nothing(_warning(error)), *empty]

        def take(value: Any) -> list[Any]:
            given = Given.of(value)
            if given is None:
                return [None, *self._nothing(""), *empty]
            try:
                content = given.content(self._uploads)
                photo = self._studio.read(content, given.name)
                look = self._look(photo)
                back = shown(content if is_sent_as_it_is(content) else photo, Path(given.name).stem)
            except Exception as error:
                return [None, *failed(error)]
            if look.guessed:
                return [back, *self._show(photo, look.faces, 0, plain(look.remark)), *empty]
            try:
                return [back, *show(photo, look.faces, 0, plain(look.remark))]
            except Exception as error:
                return [None, *failed(error)]

        def change(value: Any, eyes: Any, move: Callable[[np.ndarray, list[np.ndarray]], Any]) -> list[Any]:
            """The answer after the eyes were changed; what is wrong with them is said, and they stay as they are."""
            given = Given.of(value)
            if given is None:
                return [*self._nothing(""), *empty]
            try:
                photo = self._studio.read(given.content(self._uploads), given.name)
                faces, chosen = move(photo, to_eyes(eyes))
            except Exception as error:
                return failed(error)
            try:
                return show(photo, faces, chosen, "")
            except Exception as error:
                return [*self._show(photo, faces, chosen, _warning(error)), *empty]

        def click(value: Any, eyes: Any, event: gr.SelectData) -> list[Any]:
            def move(photo: np.ndarray, faces: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
                share = photo.shape[1] / shown_size(photo)[0]
                return moved_to(faces, np.round((np.array(event.index, np.float64) + 0.5) * share - 0.5, 1))

            return change(value, eyes, move)

        def choose(value: Any, eyes: Any, chosen: Any) -> list[Any]:
            return change(value, eyes, lambda photo, faces: (faces, _face(chosen, faces)))

        def drag(value: Any, eyes: Any, chosen: Any, *places: Any) -> list[Any]:
            def move(photo: np.ndarray, faces: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
                face = _face(chosen, faces)
                faces[face] = to_eyes([np.reshape(np.array(places, dtype=object), (2, 2)).tolist()])[0]
                return faces, face

            return change(value, eyes, move)

        raw = {"preprocess": False, "postprocess": False}  # Gradio's own would make files of pictures
        wired = {"outputs": [*self._own, *outputs], "show_progress": "minimal", "api_visibility": "private", **raw}
        first = {**wired, "outputs": [self.photo, *wired["outputs"]]}
        self.photo.input(take, [self.photo], **first)
        self.photo.clear(lambda: [*self._nothing(""), *empty], None, **wired)  # the next photo may be there already
        last = {**wired, "trigger_mode": "always_last"}
        self.marked.select(click, [self.photo, self.eyes], **last)
        self.chosen.input(choose, [self.photo, self.eyes, self.chosen], **last)
        for slider in self.sliders:
            slider.release(drag, [self.photo, self.eyes, self.chosen, *self.sliders], **last)

    def _show(self, photo: np.ndarray, faces: list[np.ndarray], chosen: int, remark: str) -> list[Any]:
        """The values of this panel's parts; remark: in Markdown."""
        gr = self._gr
        ends = (photo.shape[1] - 1, photo.shape[0] - 1) * 2
        numbers = [str(k) for k in range(1, len(faces) + 1)]
        return [
            remark,
            gr.update(value=shown(marked(photo, faces, chosen), "eyes"), visible=True),
            gr.update(choices=numbers, value=numbers[chosen], visible=len(faces) > 1),
            gr.update(visible=True),
            *(
                gr.update(maximum=max(1, end), value=round(float(place), 1))
                for end, place in zip(ends, np.ravel(faces[chosen]), strict=True)
            ),
            from_eyes(faces),
        ]

    def _nothing(self, remark: str) -> list[Any]:
        """The same where there is no picture."""
        gr = self._gr
        hidden = [gr.update(value=None, visible=False), gr.update(visible=False), gr.update(visible=False)]
        return [remark, *hidden, *[gr.update()] * len(self.sliders), None]


def _face(chosen: Any, faces: Sequence[np.ndarray]) -> int:
    """Which face a browser's choice means, from 0; the first if there is only one."""
    known = {str(k + 1): k for k in range(len(faces))}
    if chosen is not None and chosen not in known:
        raise DataError(f"expected a face from 1 to {len(faces)}, found {str(chosen)[:20]}")
    return known.get(chosen, 0)


def _warning(error: Exception) -> str:
    """What the visitor is told, in bold."""
    return f"**{plain(_sentence(error))}**"


def _sentence(error: Exception) -> str:
    """What the visitor is told; what is no fault of theirs is logged with its traceback."""
    if isinstance(error, PysketchError):
        return f"{error}."
    problem = out_of_memory(error)
    if problem is not None:
        return f"{problem}; try a smaller picture."
    logger.error("an error of the page itself", exc_info=error)
    return "Something went wrong in this page, which is no fault of yours; where it was started there stands more."
