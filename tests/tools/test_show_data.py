import pytest
import show_data

from pysketch.errors import DataError
from pysketch.images.pictures import GAP, read_photo


def test_the_sheet_has_as_many_items_as_asked_for(solver_file, pairs, tmp_path):
    arguments = [str(tmp_path / "tiny.prototxt"), "--data", str(pairs), "--count", "3", "-o", str(tmp_path / "s.png")]
    assert show_data.main(arguments) == 0
    assert read_photo(tmp_path / "s.png").shape == (19 + GAP + 15, 3 * 17 + 2 * GAP, 3)


def test_the_seed_decides_what_is_shown(solver_file, pairs, tmp_path):
    sheets = []
    for seed in ("1", "1", "3"):
        arguments = [
            str(tmp_path / "tiny.prototxt"),
            "--data",
            str(pairs),
            "--seed",
            seed,
            "-o",
            str(tmp_path / "s.png"),
        ]
        show_data.main(arguments)
        sheets.append(read_photo(tmp_path / "s.png").tobytes())
    assert sheets[0] == sheets[1] != sheets[2]


def test_no_items_are_refused(capsys):
    with pytest.raises(SystemExit):
        show_data.main(["x.prototxt", "-o", "s.png", "--count", "0"])
    assert "expected 1 or more, found 0" in capsys.readouterr().err


def test_no_picture_that_is_shown_is_overwritten(solver_file, pairs, tmp_path):
    photo = next(pairs.rglob("photos/*"))
    before = photo.read_bytes()
    with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
        show_data.main([str(tmp_path / "tiny.prototxt"), "--data", str(pairs), "-o", str(photo)])
    assert photo.read_bytes() == before
