import learn_views
import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.pairs import Pair
from pysketch.search import learning
from pysketch.search.confidence import read_artists
from pysketch.search.describe import DETAIL, NUISANCES, OUTLINE, Learned
from pysketch.search.views import INNER_VIEWS, WHOLE_VIEWS


def test_nets_draw_what_is_learned_from_and_it_is_written(net_file, tmp_path, capsys, monkeypatch):
    given = {}

    def learn(sketches, drawn, others, rng, views):
        given.update(sketches=sketches, drawn=drawn, others=others, views=views)
        return Learned(
            np.zeros(DETAIL, np.float32),
            np.eye(NUISANCES, DETAIL, dtype=np.float32),
            np.zeros(NUISANCES, np.float32),
            np.eye(OUTLINE, DETAIL, dtype=np.float32),
        )

    monkeypatch.setattr(learning, "learn", learn)
    pairs = [Pair(*values) for values in synthetic.training_pairs(2)]
    monkeypatch.setattr("pysketch.images.load_pairs", lambda data, split: pairs)
    output = tmp_path / "learned.npz"
    arguments = [str(net_file), str(net_file), "--data", "synthetic", "--made", "1", "-o", str(output)]
    assert learn_views.main(arguments) == 0
    assert capsys.readouterr().out == f"learned from 2 pairs and 1 made face -> {output}\n"
    assert [len(each) for each in given["drawn"]] == [2, 2, 2, 2]
    assert [len(each) for each in given["others"]] == [2, 1]
    assert given["views"] is WHOLE_VIEWS
    with np.load(output, allow_pickle=False) as file:
        assert set(file.files) == set(Learned._fields)


def test_of_the_inner_face_its_own_views_are_learned(net_file, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr("pysketch.search.learn_from", lambda *arguments: given.append(arguments[-1]))
    monkeypatch.setattr("pysketch.search.write_learned", lambda path, learned: given.append(path))
    monkeypatch.setattr("pysketch.images.load_pairs", lambda data, split: [])
    output = tmp_path / "learned_inner.npz"
    arguments = [str(net_file), "--data", "synthetic", "--made", "1", "--inner", "-o", str(output)]
    assert learn_views.main(arguments) == 0
    assert given == [INNER_VIEWS, output]


def test_bad_data_is_one_line(net_file, tmp_path):
    with pytest.raises(DataError, match="no such folder or list file of photo-sketch pairs"):
        learn_views.main([str(net_file), "--data", str(tmp_path / "none"), "-o", str(tmp_path / "x.npz")])


def test_artists_sketches_are_measured_instead_beside_what_one_net_draws(net_file, tmp_path, capsys, monkeypatch):
    pairs = [Pair(*values) for values in synthetic.training_pairs(2)]
    monkeypatch.setattr("pysketch.images.load_pairs", lambda data, split: pairs)
    output = tmp_path / "artists.json"
    arguments = [str(net_file), "--data", "synthetic", "--artists", "-o", str(output)]
    assert learn_views.main(arguments) == 0
    assert capsys.readouterr().out == f"2 comparisons of different people -> {output}\n"
    written = read_artists(output)
    assert (len(written.impostors), written.people, written.net) == (2, 2, net_file.name)
    with pytest.raises(SystemExit):
        learn_views.main([str(net_file), *arguments])
    assert "--artists is for one net" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        learn_views.main([*arguments, "--inner"])
    assert "--artists measures the views of whole sketches" in capsys.readouterr().err


def test_no_net_is_overwritten_by_what_is_learned(net_file):
    with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
        learn_views.main([str(net_file), "--data", "synthetic", "-o", str(net_file)])
