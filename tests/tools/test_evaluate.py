import evaluate
import pytest

from pysketch.images import write_image
from pysketch.pairs import load_pairs


@pytest.fixture
def aligned(tmp_path):
    """Two synthetic persons as a test set of 200x250 pictures."""
    for pair in load_pairs("synthetic", "test")[:2]:
        write_image(tmp_path / "faces" / "test" / "photos" / f"{pair.name}.png", pair.photo)
        write_image(tmp_path / "faces" / "test" / "sketches" / f"{pair.name}.png", pair.sketch)
    return tmp_path / "faces"


def test_scores_are_rmse_and_recognition_over_the_test_pairs(net_file, aligned, capsys, device):
    assert evaluate.main([str(net_file), "--data", str(aligned), "--device", str(device)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 pairs, 151x196 pixels"  # the tiny net loses 4 pixels, not 12
    assert lines[1].startswith("RMSE")
    assert [line.split()[1] for line in lines[2:]] == ["1", "3", "5", "10"]
    assert lines[-1].split()[2:] == ["100.0", "%"]


def test_a_net_that_draws_the_sketch_itself_scores_perfectly(net_file, aligned, capsys, monkeypatch):
    crops = {evaluate.crop_centre(p.photo, 155, 200).tobytes(): p for p in load_pairs(str(aligned), "test")}

    class Perfect:
        def __init__(self, *arguments):
            pass

        def draw(self, photo):
            return evaluate.crop_centre(crops[photo.tobytes()].sketch, 143, 188)

    monkeypatch.setattr(evaluate, "Sketcher", Perfect)
    evaluate.main([str(net_file), "--data", str(aligned)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 pairs, 143x188 pixels"
    assert lines[1].split() == ["RMSE", "0.00"]
    assert lines[2].split() == ["rank", "1", "100.0", "%"]
