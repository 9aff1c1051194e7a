import signal
import subprocess
import sys
from pathlib import Path

import deploy
import h5py
import numpy as np
import pytest
from PIL import Image
from solver_helpers import SKETCH_NET, write_sketch_net_file

from pysketch.device.backend import CPU
from pysketch.drawing import choice
from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import DataError, NetdefError, SnapshotError
from pysketch.images.alignment import align
from pysketch.images.eye_finder import Face
from pysketch.images.pasting import paste
from pysketch.images.pictures import read_photo, read_sketch, write_image

ROOT = Path(__file__).parents[2]
FACE = np.array([[9.0, 12.0], [20.0, 12.0]])
INSIDE = np.s_[85:150, 65:130]
"""Of a frame, what lies in the portrait for either face."""


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    write_image(path, np.random.default_rng(1).integers(0, 256, (29, 31, 3)).astype(np.uint8))
    return path


def test_a_photo_is_drawn_to_the_named_file(net_file, photo, tmp_path, device):
    out = tmp_path / "new" / "sketch.png"
    assert deploy.main([str(net_file), str(photo), "-o", str(out), "--device", str(device)]) == 0
    expected = Sketcher(net_file).draw(np.asarray(Image.open(photo)))
    levels = abs(read_sketch(out).astype(int) - expected)
    assert levels.max() <= (0 if device is CPU else 1)  # another order of sums may round to the next grey level
    assert expected.shape == (25, 27)


def test_without_o_the_sketch_is_named_after_the_photo_in_the_working_folder(net_file, photo, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert deploy.main([str(net_file), str(photo)]) == 0
    assert [path.name for path in Path().iterdir()] == ["photo_sketch.png"]


def test_a_photo_drawn_of_a_sketch_is_called_so(photo, tmp_path, monkeypatch):
    netdef = SKETCH_NET.replace('{ "batch_size"', '{ "direction": "sketch_to_photo", "batch_size"')
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert deploy.main([str(write_sketch_net_file(tmp_path, netdef)), str(photo)]) == 0
    assert [path.name for path in Path().iterdir()] == ["photo_photo.png"]


def test_size_as_input_draws_as_large_as_the_photo_and_alike_in_the_middle(net_file, photo, tmp_path):
    for flags, name in (([], "small.png"), (["--size-as-input"], "full.png")):
        deploy.main([str(net_file), str(photo), "-o", str(tmp_path / name), *flags])
    small, full = read_sketch(tmp_path / "small.png"), read_sketch(tmp_path / "full.png")
    assert full.shape == (29, 31)
    np.testing.assert_array_equal(full[2:-2, 2:-2], small)


def test_a_sketch_in_tiles_is_the_whole_photos(net_file, photo, tmp_path):
    with h5py.File(net_file, "r+") as file:
        file["data/conv2/0"][...] *= 30
    for tile in ("auto", "7", "1000"):
        command = [str(net_file), str(photo), "-o", str(tmp_path / f"{tile}.png"), "--tile", tile, "--size-as-input"]
        assert deploy.main(command) == 0
    whole = read_sketch(tmp_path / "1000.png").astype(int)
    np.testing.assert_array_equal(read_sketch(tmp_path / "auto.png"), whole)
    assert abs(read_sketch(tmp_path / "7.png") - whole).max() <= 1
    assert np.ptp(whole) > 10


@pytest.mark.parametrize("tile", ["0", "-1", "1.5", "many"])
def test_a_tile_that_is_no_number_of_pixels_is_refused(tile, net_file, photo, capsys):
    with pytest.raises(SystemExit) as stop:
        deploy.main([str(net_file), str(photo), f"--tile={tile}"])
    assert stop.value.code == 2
    assert "argument --tile: expected " in capsys.readouterr().err.splitlines()[-1]


def test_a_tile_that_would_mostly_be_worked_out_in_vain_is_refused_before_anything_is_drawn(photo, tmp_path):
    sees_far = SKETCH_NET.replace("kernel_h: 4 kernel_w: 3", "kernel_h: 4 kernel_w: 3 dilation: 3")
    sees_far = sees_far.replace('"sketch_width": 7, "sketch_height": 9', '"sketch_width": 3, "sketch_height": 3')
    net = str(write_sketch_net_file(tmp_path, sees_far))
    for tile in ("1", "2"):
        with pytest.raises(
            DataError, match=rf"^a tile must be at least 3x3 pixels large, found {tile}: .* 9x11 of the"
        ):
            deploy.main([net, str(photo), "-o", str(tmp_path / "s.png"), "--tile", tile])
    assert not (tmp_path / "s.png").exists()
    assert deploy.main([net, str(photo), "-o", str(tmp_path / "s.png"), "--tile", "3"]) == 0


def test_a_net_that_allows_no_tiles_is_an_error_only_if_tiles_are_asked_for(net_file, photo, tmp_path, monkeypatch):
    monkeypatch.setattr("pysketch.layers.relu.ReLU.pointwise", False)
    command = [str(net_file), str(photo), "-o", str(tmp_path / "sketch.png")]
    assert deploy.main(command) == 0
    with pytest.raises(NetdefError, match="a ReLU layer does not say what it sees"):
        deploy.main([*command, "--tile", "9"])


def test_side_by_side_shows_photo_and_sketch(net_file, photo, tmp_path):
    deploy.main([str(net_file), str(photo), "-o", str(tmp_path / "both.png"), "--side-by-side"])
    both = np.asarray(Image.open(tmp_path / "both.png"))
    np.testing.assert_array_equal(both[:, :31], np.asarray(Image.open(photo)))
    assert both.shape[1] > 31 + 27


def test_a_folder_is_drawn_to_a_folder_one_bad_file_is_reported_and_the_rest_go_on(net_file, tmp_path, capsys):
    folder = tmp_path / "album"
    rng = np.random.default_rng(2)
    for name in ("a.png", "c.jpg"):
        write_image(folder / name, rng.integers(0, 256, (21, 23, 3)).astype(np.uint8))
    (folder / "b.png").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("not even named as one")
    assert deploy.main([str(net_file), str(folder), "-o", str(tmp_path / "out")]) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    captured = capsys.readouterr()
    assert captured.err.count("error:") == 1
    assert "b.png" in captured.err
    assert "album: 1 left out: notes.txt (no picture)" in captured.err
    assert captured.out.splitlines()[-1].startswith("2 of 3 photos drawn, 1 left out")


def test_a_folder_counts_the_photos_that_are_drawn_as_they_are(net_file, tmp_path, monkeypatch, capsys):
    for name in "ab":
        write_image(tmp_path / "album" / f"{name}.png", np.full((41, 33, 3), ord(name), np.uint8))
    finds(monkeypatch, lambda photo: [FACE] if photo[0, 0, 0] == ord("a") else [])
    assert deploy.main([str(net_file), str(tmp_path / "album"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "2 of 2 photos drawn, 1 not aligned"
    assert "b.png: not an aligned face of 200x250 pixels, no face found in it: drawn as it is" in said.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends SIGINT in another way")
def test_ctrl_c_in_the_midst_of_a_folder_leaves_whole_files_only(net_file, tmp_path):
    photos = np.random.default_rng(3).integers(0, 256, (400, 121, 133, 3)).astype(np.uint8)
    for k, pixels in enumerate(photos):
        write_image(tmp_path / "album" / f"{k:03}.png", pixels)
    out = tmp_path / "out"
    command = [sys.executable, ROOT / "tools" / "deploy.py", net_file, tmp_path / "album", "-o", out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (130, "interrupted")
    written = sorted(out.iterdir())
    assert 0 < len(written) < len(photos)
    assert [path.name for path in written] == [f"{k:03}.png" for k in range(len(written))]
    assert {read_sketch(path).shape for path in written} == {(117, 129)}


@pytest.mark.parametrize("kind", ["grey", "rgba", "palette", "sixteen bits", "rotated"])
def test_any_readable_image_is_drawn(kind, net_file, tmp_path):
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 256, (19, 23, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    path, options = tmp_path / "photo.png", {}
    if kind == "sixteen bits":
        image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    elif kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter: the picture is 19 wide, 23 high when seen upright
        options["exif"] = exif
    else:
        image = image.convert({"grey": "L", "rgba": "RGBA", "palette": "P"}[kind])
    image.save(path, **options)
    assert deploy.main([str(net_file), str(path), "-o", str(tmp_path / "s.png")]) == 0
    assert read_sketch(tmp_path / "s.png").shape == ((19, 15) if kind == "rotated" else (15, 19))


def test_a_sketch_never_overwrites_a_photo(net_file, photo):
    before = photo.read_bytes()
    with pytest.raises(DataError, match="would overwrite a photo"):
        deploy.main([str(net_file), str(photo), "-o", str(photo)])
    with pytest.raises(DataError, match="would overwrite a photo"):
        deploy.main([str(net_file), str(photo), "-o", str(photo.parent)])
    assert photo.read_bytes() == before


def test_two_photos_of_one_name_are_refused_before_anything_is_drawn(net_file, photo, tmp_path):
    other = tmp_path / "more" / "photo.png"
    write_image(other, np.zeros((29, 31, 3), np.uint8))
    with pytest.raises(DataError, match=r"its sketch would overwrite that of .*photo\.png"):
        deploy.main([str(net_file), str(photo), str(other), "-o", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_a_folder_without_images_is_an_error(net_file, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images in this folder"):
        deploy.main([str(net_file), str(tmp_path / "empty")])


def test_several_photos_cannot_go_into_one_file(net_file, photo, tmp_path):
    (tmp_path / "taken.png").write_bytes(b"mine")
    with pytest.raises(DataError, match="is a file; for several photos -o names a folder"):
        deploy.main([str(net_file), str(photo), str(photo), "-o", str(tmp_path / "taken.png")])


def test_a_photo_that_is_too_small_keeps_the_old_sketch(net_file, tmp_path, capsys):
    write_image(tmp_path / "dot.png", np.zeros((4, 9, 3), np.uint8))
    (tmp_path / "sketch.png").write_bytes(b"old")
    assert deploy.main([str(net_file), str(tmp_path / "dot.png"), "-o", str(tmp_path / "sketch.png")]) == 2
    assert "a 9x4 photo (width x height) is too small for this net" in capsys.readouterr().err
    assert (tmp_path / "sketch.png").read_bytes() == b"old"


def test_weights_alone_cannot_be_drawn_with(net_file, photo, tmp_path):
    from pysketch.net.net import Net
    from pysketch.netdef.definitions import Phase

    net = Net(tmp_path / "tiny.prototxt", Phase.TEST, stages=("deploy",))
    net.save(tmp_path / "only.caffemodel.h5")
    with pytest.raises(SnapshotError, match=r"has no netdef in it; expected the net file that tools/solve.py writes"):
        deploy.main([str(tmp_path / "only.caffemodel.h5"), str(photo)])


def test_a_strangers_netdef_runs_no_code(net_file, photo, tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Layer: pass\n")
    with h5py.File(net_file, "r+") as file:
        file.attrs["netdef"] = file.attrs["netdef"] + (
            'layer { name: "x" type: "Python" bottom: "prediction" top: "p2" '
            'python_param { module: "evil" layer: "Layer" } }'
        )
    command = [sys.executable, str(ROOT / "tools" / "deploy.py"), str(net_file), str(photo)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 2
    assert 'the netdef names the Python module "evil"' in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "ran").exists()


def test_help_teaches_by_example(capsys):
    with pytest.raises(SystemExit) as stop:
        deploy.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "python tools/deploy.py netdefs/pretrained/portrait.h5 photo.jpg" in text
    assert "eyes at (75, 125)" in text


@pytest.fixture
def portrait(tmp_path):
    """A 90x80 photo and the eyes of two faces in it."""
    path = tmp_path / "portrait.png"
    write_image(path, np.random.default_rng(4).integers(0, 256, (80, 90, 3)).astype(np.uint8))
    return path, [np.array([[20.0, 31.0], [33.0, 30.0]]), np.array([[51.0, 40.0], [62.0, 43.0]])]


def finds(monkeypatch, eyes_in):
    """Let the finder find these eyes in a photo."""
    monkeypatch.setattr(choice, "find_faces", lambda photo: [Face(eyes, 40.0, 1.0) for eyes in eyes_in(photo)])
    monkeypatch.setattr(choice, "quarter_turns", lambda photo, found: 0)
    monkeypatch.setattr(choice, "can_find_faces", lambda: True)


@pytest.mark.parametrize("option", ["--align eyes", "--align=eyes", "--eyes"])
def test_given_eyes_bring_the_face_into_the_frame_before_it_is_drawn(net_file, portrait, tmp_path, option):
    path, (eyes, _) = portrait
    words = [*option.split(), *(str(value) for value in np.ravel(eyes))]
    assert deploy.main([str(net_file), str(path), "-o", str(tmp_path / "s.png"), *words]) == 0
    expected = Sketcher(net_file).draw(align(read_photo(path), eyes))
    np.testing.assert_array_equal(read_sketch(tmp_path / "s.png")[INSIDE], expected[INSIDE])
    assert expected.shape == (246, 196)


def test_each_face_that_is_found_is_drawn_under_a_number(net_file, portrait, tmp_path, monkeypatch, capsys):
    path, faces = portrait
    finds(monkeypatch, lambda photo: faces)
    assert deploy.main([str(net_file), str(path), "-o", str(tmp_path / "s.png"), "--align", "auto"]) == 0
    assert sorted(each.name for each in tmp_path.glob("s*.png")) == ["s_1.png", "s_2.png"]
    expected = Sketcher(net_file).draw(align(read_photo(path), faces[1]))
    np.testing.assert_array_equal(read_sketch(tmp_path / "s_2.png")[INSIDE], expected[INSIDE])
    said = capsys.readouterr()
    assert "s_1.png, " in said.out
    assert f"{path}: 2 faces found\n" in said.err


def test_paste_puts_every_sketch_back_into_the_photo(net_file, portrait, tmp_path, monkeypatch):
    path, faces = portrait
    finds(monkeypatch, lambda photo: faces)
    out = tmp_path / "drawn.png"
    assert deploy.main([str(net_file), str(path), "-o", str(out), "--paste"]) == 0
    photo, sketcher = read_photo(path), Sketcher(net_file)
    expected = paste(photo, [sketcher.draw(align(photo, eyes), True) for eyes in faces], faces)
    np.testing.assert_array_equal(read_photo(out), expected)
    np.testing.assert_array_equal(expected[:, 88:], photo[:, 88:])  # right of both frames
    assert (expected[30:50, 20:60] != photo[30:50, 20:60]).mean() > 0.9


def test_a_photo_without_a_face_is_reported_and_the_rest_go_on(
    net_file, portrait, photo, tmp_path, monkeypatch, capsys
):
    path, faces = portrait
    finds(monkeypatch, lambda photo: faces[:1] if len(photo) == 80 else [])
    arguments = [str(net_file), str(photo), str(path), "-o", str(tmp_path / "out"), "--align", "auto"]
    assert deploy.main(arguments) == 2
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["portrait.png"]
    assert f"error: {photo}: no face found in it; give the eyes' positions with --align eyes" in capsys.readouterr().err


def test_a_numbered_sketch_never_overwrites_a_photo(net_file, portrait, tmp_path, monkeypatch, capsys):
    path, faces = portrait
    other = tmp_path / "portrait_2.png"
    other.write_bytes(path.read_bytes())
    finds(monkeypatch, lambda photo: faces)
    deploy.main([str(net_file), str(path), str(other), "-o", str(tmp_path / "out"), "--align", "auto"])
    assert "portrait_2.png: the sketch of one of 2 faces would overwrite another file" in capsys.readouterr().err
    assert not (tmp_path / "out" / "portrait_1.png").exists()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--paste", "--align", "none"], "--paste puts aligned sketches back: expected --align auto or --align eyes"),
        (["--align", "auto", "--eyes", "1", "2", "3", "4"], "not allowed with argument"),
        (["PHOTO", "--align", "eyes", "1", "2", "30", "4"], "--align eyes is for one photo"),
        (["--align", "eyes", "1", "2"], "--align eyes takes four numbers, X1 Y1 X2 Y2; found 1 2"),
        (["--align", "eyes", "1", "b", "3", "4"], "X1 Y1 X2 Y2; found 1 b 3 4"),
        (["--al", "eyes"], "write --align eyes X1 Y1 X2 Y2 in full"),
        (["--align", "eye"], "invalid choice: 'eye'"),
    ],
)
def test_flags_that_do_not_fit_are_refused(net_file, photo, portrait, capsys, flags, message):
    words = [str(portrait[0]) if word == "PHOTO" else word for word in flags]
    with pytest.raises(SystemExit) as stop:
        deploy.main([str(net_file), str(photo), *words])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_photo_may_be_called_eyes(net_file, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("eyes").write_bytes(photo.read_bytes())
    assert deploy.main([str(net_file), "eyes", "-o", "s.png"]) == 0
    assert Path("s.png").exists()


def test_eyes_outside_the_photo_are_refused(net_file, photo, tmp_path, capsys):
    out = tmp_path / "s.png"
    assert deploy.main([str(net_file), str(photo), "-o", str(out), "--eyes", "3", "4", "31", "5"]) == 2
    assert "photo.png: eyes at (3, 4) and (31, 5): outside the 31x29 picture" in capsys.readouterr().err
    assert not out.exists()


def test_a_photo_that_is_not_aligned_is_said_and_aligned_or_drawn_as_it_is(
    net_file, portrait, tmp_path, monkeypatch, capsys
):
    path, faces = portrait
    finds(monkeypatch, lambda photo: faces[:1])
    for name, flags in (("found.png", []), ("as_it_is.png", ["--align", "none"])):
        assert deploy.main([str(net_file), str(path), "-o", str(tmp_path / name), *flags]) == 0
    said = capsys.readouterr().err
    assert said.count(f"{path}: ") == 1
    assert "1 face found and aligned; --align none draws the photo as it is" in said
    assert read_sketch(tmp_path / "found.png").shape == (246, 196)
    np.testing.assert_array_equal(read_sketch(tmp_path / "as_it_is.png"), Sketcher(net_file).draw(read_photo(path)))


def test_an_aligned_photo_is_drawn_as_it_is_without_a_search_or_a_word(net_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(choice, "find_faces", None)
    face = ROOT / "netdefs" / "pretrained" / "face.png"
    assert deploy.main([str(net_file), str(face), "-o", str(tmp_path / "s.png")]) == 0
    np.testing.assert_array_equal(read_sketch(tmp_path / "s.png"), Sketcher(net_file).draw(read_photo(face)))
    assert str(face) not in capsys.readouterr().err
