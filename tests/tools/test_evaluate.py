import csv
import re
import shutil
import sys
from functools import partial

import evaluate
import numpy as np
import pytest
from solver_helpers import SKETCH_NET, write_sketch_net_file

from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import BaselineError, DataError
from pysketch.images import synthetic
from pysketch.images.metrics import rmse
from pysketch.images.pairs import load_pairs
from pysketch.images.pictures import to_luma, write_image
from pysketch.images.preprocessing import SKETCH_TO_PHOTO, crop_centre
from pysketch.report import scoring
from pysketch.report.matches import MATCHES
from pysketch.report.methods import Method
from pysketch.report.varied import Trial


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """Two synthetic persons as a test set of 200x250 pictures, four others as a training set; to be read only."""
    folder = tmp_path_factory.mktemp("faces")
    for split, pairs in (("test", synthetic.test_pairs(2)), ("train", synthetic.training_pairs(4))):
        for name, photo, sketch in pairs:
            write_image(folder / split / "photos" / f"{name}.png", photo)
            write_image(folder / split / "sketches" / f"{name}.png", sketch)
    return folder


def rows(text):
    """The table: {method: {head of a column: value}}."""
    head, *lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[1:]]
    return {line[0]: dict(zip(head[1:], map(float, line[1:]), strict=True)) for line in lines}


def test_the_table_has_a_line_for_the_net(net_file, aligned, capsys, device):
    assert evaluate.main([str(net_file), "--data", str(aligned), "--device", str(device)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == "2 pairs, 143x188 pixels, ranks by pixels"
    (scores,) = rows(text).values()
    assert list(scores) == [
        *("RMSE", "at .5", "at 2", "bias", "PSNR", "SSIM", "rank 1", "rank 3", "rank 5", "rank 10", "s/photo")
    ]
    assert scores["rank 10"] == 100


def test_a_net_that_draws_the_sketch_itself_scores_perfectly(net_file, aligned, capsys, monkeypatch):
    crops = {crop_centre(p.photo, 155, 200).tobytes(): p for p in load_pairs(str(aligned), "test")}

    class Perfect:
        lost_border = (12, 12)

        def __init__(self, *arguments):
            pass

        def draw(self, photo):
            return crop_centre(crops[photo.tobytes()].sketch, 143, 188)

    monkeypatch.setattr("pysketch.drawing.Sketcher", Perfect)
    evaluate.main([str(net_file), "--data", str(aligned)])
    scores = rows(capsys.readouterr().out)["net"]
    expected = {"RMSE": 0, "at .5": 0, "at 2": 0, "bias": 0, "PSNR": np.inf, "SSIM": 1, "rank 1": 100}
    assert {name: scores[name] for name in expected} == expected


def test_light_changes_what_is_drawn_and_the_seed_decides_how(aligned, capsys):
    def rmse(*arguments):
        assert evaluate.main(["--baseline", "grey", "--data", str(aligned), *arguments]) == 0
        return rows(capsys.readouterr().out)["grey"]["RMSE"]

    plain, relit = rmse(), rmse("--light", "0.3", "0.1")
    assert relit != plain
    assert rmse("--light", "0.3", "0.1", "--seed", "0") == relit
    assert rmse("--light", "0.3", "0.1", "--seed", "1") != relit
    assert rmse("--light", "0", "0") == plain


@pytest.mark.parametrize("light", ["-0.1", "1.1", "nan", "bright"])
def test_light_is_a_number_from_0_to_1(light, capsys):
    with pytest.raises(SystemExit) as stop:
        evaluate.main(["--baseline", "grey", "--data", "synthetic", "--light", "0.1", light])
    assert stop.value.code == 2
    assert f"argument --light: expected a number from 0 to 1, found {light}" in capsys.readouterr().err


def test_baselines_learn_from_train_and_are_scored_without_a_net(aligned, capsys, tmp_path):
    path = tmp_path / "new" / "scores.csv"
    arguments = ["--data", str(aligned), "--baseline", "et", "grey", "--csv", str(path)]
    assert evaluate.main(arguments) == 0
    table = rows(capsys.readouterr().out)
    assert list(table) == ["et", "grey"]
    assert table["et"]["RMSE"] < table["grey"]["RMSE"]
    with path.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["method"], line["pair"]) for line in lines[::2]] == [(n, lines[0]["pair"]) for n in ("et", "grey")]
    errors = [float(line["rmse"]) for line in lines if line["method"] == "grey"]
    assert np.mean(errors) == pytest.approx(table["grey"]["RMSE"], abs=0.005)


def test_a_net_from_sketch_to_photo_is_scored_the_other_way_and_so_are_the_baselines_beside_it(
    aligned, capsys, tmp_path
):
    netdef = SKETCH_NET.replace('{ "batch_size"', '{ "direction": "sketch_to_photo", "batch_size"')
    net = str(write_sketch_net_file(tmp_path, netdef))
    assert evaluate.main([net, "--data", str(aligned), "--baseline", "grey"]) == 0
    backwards = rows(capsys.readouterr().out)
    evaluate.main(["--data", str(aligned), "--baseline", "grey"])
    forth = rows(capsys.readouterr().out)
    assert backwards["grey"]["bias"] == -forth["grey"]["bias"] != 0
    draw = Sketcher(net).draw
    drawn = [draw(crop_centre(pair.photo, 155, 200)) for pair in load_pairs(aligned, "test", SKETCH_TO_PHOTO)]
    lumas = [crop_centre(to_luma(pair.photo), 143, 188) for pair in load_pairs(aligned, "test")]
    errors = [rmse(crop_centre(photo, 143, 188), luma) for photo, luma in zip(drawn, lumas, strict=True)]
    assert backwards["net"]["RMSE"] == pytest.approx(np.mean(errors), abs=0.005)


def test_neither_a_net_nor_a_baseline_nor_pictures_is_an_error(aligned, capsys):
    with pytest.raises(SystemExit) as exit:
        evaluate.main(["--data", str(aligned)])
    assert exit.value.code == 2
    assert "expected a net file, --baseline NAME or --pictures FOLDER" in capsys.readouterr().err


def test_pictures_of_others_stand_in_the_same_tables_and_measures_are_a_second_one(aligned, capsys):
    theirs = str(aligned / "test" / "sketches")
    arguments = ["--data", str(aligned), "--baseline", "grey", "--pictures", theirs, "--measures", "dark", "gradient"]
    assert evaluate.main(arguments) == 0
    scores, measures = capsys.readouterr().out.split("\n\n")
    table = rows(scores)
    assert list(table) == ["grey", "sketches"]
    assert table["sketches"]["RMSE"] == 0
    head, grey, copied, artists = (line.split() for line in measures.splitlines())
    assert head == ["method", "gradient", "dark", "%"]
    assert (copied[:2], artists[:2]) == (["sketches", "1.00"], ["artists", "-"])
    assert copied[2] == artists[2] != grey[2]


def test_same_person_or_not_is_a_table_and_two_columns_of_the_csv_beside_the_measures(aligned, tmp_path, capsys):
    path, theirs = tmp_path / "scores.csv", str(aligned / "test" / "sketches")
    arguments = ["--data", str(aligned), "--pictures", theirs, "--measures", "dark", "--csv", str(path), "--verify"]
    assert evaluate.main(arguments) == 0
    _, verification, measures = capsys.readouterr().out.split("\n\n")
    said, head, line = verification.splitlines()
    assert said == "2 comparisons of one person, 2 of two, by pixels."
    assert re.split(r"\s{2,}", head) == ["method", "area", "equal error", "at 1 %", "at 0.1 %"]
    assert re.split(r"\s{2,}", line) == ["sketches", "1.0000", "0.0 (0.0-84.2)", "-", "-"]
    assert measures.startswith("method")
    with path.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(each["own_distance"], each["false_accept_rate"]) for each in lines] == [("0.0", "0.0")] * 2
    assert all(float(each["dark"]) > 0 for each in lines)


def test_what_is_measured_stands_in_the_csv_and_what_is_not_scored_is_told(aligned, tmp_path, capsys):
    theirs = tmp_path / "theirs"
    shutil.copytree(aligned / "test" / "sketches", theirs)
    write_image(theirs / "nobody.png", np.zeros((250, 200), np.uint8))
    (theirs / "notes.txt").touch()
    path = tmp_path / "scores.csv"
    arguments = ["--baseline", "grey", "--pictures", str(theirs), "--measures", "fsim", "dark", "--csv", str(path)]
    assert evaluate.main(["--data", str(aligned), *arguments]) == 0
    said = capsys.readouterr()
    with path.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["method"], line["fsim"]) for line in lines[2:]] == [("theirs", "1.0")] * 2
    measured = said.out.splitlines()[-3].split()
    assert np.mean([float(line["fsim"]) for line in lines[:2]]) == pytest.approx(float(measured[1]), abs=0.0006)
    assert np.mean([float(line["dark"]) for line in lines[:2]]) == pytest.approx(float(measured[2]), abs=0.06)
    assert "theirs: 1 left out that are of no test pair: nobody.png" in said.err
    assert "theirs: 1 left out: notes.txt (no picture)" in said.err
    assert "measuring 4 sketches: FSIM, dark %; up to a second each\n" in said.err


def test_a_measure_whose_library_is_missing_is_left_out_with_a_word(aligned, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert evaluate.main(["--data", str(aligned), "--baseline", "grey", "--measures", "scoot"]) == 0
    assert "\nScoot is left out: textures and gradients are described by scikit-image" in capsys.readouterr().out


def test_other_skins_and_backgrounds_are_tables_of_their_own(monkeypatch, capsys):
    for maker in ("test_pairs", "training_pairs"):
        monkeypatch.setattr(synthetic, maker, partial(getattr(synthetic, maker), 1))
    arguments = ["--data", "synthetic", "--baseline", "grey", "--skin", "1", "10", "--background", "black"]
    assert evaluate.main(arguments) == 0
    scores, skins, backgrounds = (table.splitlines() for table in capsys.readouterr().out.split("\n\n"))
    assert len(scores) == 3
    assert skins[0] == backgrounds[0] == "Ranks by pixels."
    light, dark = ([float(word) for word in line.split()[1:]] for line in skins[2:])
    assert (light[0], dark[0]) == (1, 10)
    assert light[1] > 180 > 60 > dark[1]
    assert [line.split()[1:3] for line in backgrounds[2:]][1] == ["black", "0"]


def test_groups_of_made_people_are_a_table_of_their_own(aligned, monkeypatch, capsys):
    pairs = load_pairs(str(aligned), "test")
    monkeypatch.setattr(scoring, "load_pairs", lambda *arguments: pairs)
    monkeypatch.setattr(scoring, "group_trials", lambda people: [Trial("as they come", pairs[:people])])
    monkeypatch.setattr(scoring, "learned_method", lambda *arguments: Method("green", lambda photo: photo[..., 1]))
    assert evaluate.main(["--data", "synthetic", "--baseline", "grey", "--groups", "2"]) == 0
    said, head, line = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert said == "By pixels."
    assert re.split(r"\s{2,}", head) == ["method", "group", "not first", "others taken for one", "own refused"]
    assert re.split(r"\s{2,}", line)[:2] == ["green", "as they come"]


def test_other_skins_are_seen_in_the_light_that_is_asked_for(aligned, monkeypatch, capsys):
    monkeypatch.setattr(scoring, "skin_trials", lambda pairs, source, tones: [Trial("7", pairs)])

    def line(*light):
        evaluate.main(["--data", str(aligned), "--baseline", "grey", "--skin", "7", *light])
        return capsys.readouterr().out.splitlines()[-1]

    plain = line()
    assert plain.split()[:2] == ["grey", "7"]
    assert line("--light", "0.3", "0.1") != plain


def test_an_unknown_baseline_is_an_error_before_anything_is_drawn(net_file, aligned, monkeypatch):
    monkeypatch.setattr("pysketch.report.methods.evaluate", None)
    with pytest.raises(BaselineError, match='unknown baseline "lne"; did you mean "lle"'):
        evaluate.main([str(net_file), "--data", str(aligned), "--baseline", "grey", "lne"])


def test_scores_that_cannot_be_written_are_one_line_before_anything_is_drawn(aligned, tmp_path, monkeypatch):
    monkeypatch.setattr("pysketch.report.methods.evaluate", None)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}: the scores cannot be written there: "):
        evaluate.main(["--data", str(aligned), "--baseline", "grey", "--csv", str(tmp_path)])


def test_a_report_is_a_page_beside_the_table(net_file, aligned, capsys, tmp_path):
    for library in ("matplotlib", "jinja2"):
        pytest.importorskip(library, reason='reports need it: pip install -e ".[report]"')
    folder = tmp_path / "report"
    options = ["--device", "cpu", "--measures", "dark", "--report", str(folder)]
    evaluate.main([str(net_file), "--data", str(aligned), *options])
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {folder / 'index.html'}"
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "Cumulative match score" in page
    assert "Measures</h2>" in page


def test_a_report_without_its_libraries_is_refused_before_anything_is_drawn(aligned, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DataError, match="figures need matplotlib"):
        evaluate.main(["--data", str(aligned), "--baseline", "grey", "--report", str(tmp_path / "report")])
    assert not (tmp_path / "report").exists()


def told(text):
    """The lines below "method  compared by": (measure, of what) -> rank 1."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    start = next(k for k, line in enumerate(lines) if line[1:2] == ["compared by"])
    return {(line[1], line[2]): float(line[3]) for line in lines[start + 1 :] if len(line) == 7}


def test_who_is_found_by_views_and_by_pixels(aligned, capsys):
    arguments = ["--baseline", "grey", "--data", str(aligned), "--match", "views", "inner", "pixels", "--inner"]
    assert evaluate.main([*arguments, "--distractors", "3"]) == 0
    text = capsys.readouterr().out
    found = told(text)
    kinds = ("all", "inner face", "with 3 others")
    assert list(found) == [(match, kind) for kind in kinds for match in ("views", "inner", "pixels")]
    assert rows(text.split("\n\n")[0])["grey"]["rank 1"] == found["views", "all"]
    assert found["inner", "inner face"] == found["inner", "all"]


def test_the_first_measure_gives_the_ranks_of_every_table(aligned, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(MATCHES, "views", lambda drawn, sketches: 1 - np.eye(2)[::-1])
    ranks = {}
    for match in ("pixels", "views"):
        arguments = [
            "--baseline",
            "grey",
            "--data",
            str(aligned),
            "--match",
            match,
            "--csv",
            str(tmp_path / "pairs.csv"),
        ]
        assert evaluate.main(arguments) == 0
        with open(tmp_path / "pairs.csv", newline="") as file:
            ranks[match] = [row["rank"] for row in csv.DictReader(file)]
        capsys.readouterr()
    assert ranks["views"] == ["2", "2"]
    assert ranks["pixels"] != ranks["views"]


def test_moved_sketches_are_other_ones_and_the_seed_decides(aligned, capsys):
    def rmse(*arguments):
        assert evaluate.main(["--baseline", "grey", "--data", str(aligned), *arguments]) == 0
        return rows(capsys.readouterr().out)["grey"]["RMSE"]

    plain, moved = rmse(), rmse("--moved", "3", "3", "0.04")
    assert moved != plain
    assert rmse("--moved", "3", "3", "0.04", "--seed", "1") != moved
    assert rmse("--moved", "0", "0", "0") == plain


def test_who_is_not_brought_back_is_named(aligned, capsys, monkeypatch):
    monkeypatch.setattr(scoring, "brought_back", lambda pairs, moves, seed: (pairs[:1], ["test-001"]))
    arguments = ["--baseline", "grey", "--data", str(aligned), "--moved", "8", "5", "0.08", "--realign"]
    assert evaluate.main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("1 pair, ")
    assert "left out, as not one face was found in each picture: test-001" in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--realign"], "--realign brings back what --moved moves"),
        (["--match", "faces"], "invalid choice: 'faces'"),
        (["--moved", "1", "-1", "0"], "argument --moved"),
    ],
)
def test_options_that_do_not_go_together_are_told_in_a_line(aligned, capsys, arguments, line):
    with pytest.raises(SystemExit) as ended:
        evaluate.main(["--baseline", "grey", "--data", str(aligned), *arguments])
    assert ended.value.code == 2
    assert line in capsys.readouterr().err


def test_a_crowd_needs_other_people_to_train_on(aligned, capsys):
    with pytest.raises(DataError, match="its photo is a training photo too; a crowd needs training pairs of"):
        evaluate.main(["--baseline", "grey", "--data", str(aligned / "test"), "--match", "views", "--distractors", "3"])


def test_nothing_that_is_scored_is_overwritten_by_scores_or_a_report(aligned, tmp_path):
    shutil.copytree(aligned / "test" / "sketches", tmp_path / "theirs" / "pictures")
    listing = tmp_path / "theirs" / "pairs.csv"
    listing.write_text("".join(f"{aligned}/test/photos/{p.name} {p}\n" for p in aligned.glob("test/sketches/*")))
    (tmp_path / "link.csv").symlink_to(next(aligned.glob("test/photos/*")))
    for arguments in (
        ["--data", aligned, "--csv", tmp_path / "link.csv"],
        ["--data", aligned, "--pictures", tmp_path / "theirs" / "pictures", "--report", tmp_path / "theirs"],
        ["--data", listing, "--report", tmp_path / "theirs"],
    ):
        with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
            evaluate.main([*map(str, arguments), "--baseline", "grey"])
    assert len(list((tmp_path / "theirs").iterdir())) == 2
