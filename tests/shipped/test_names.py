import hashlib
from pathlib import Path

import pytest

from pysketch.errors import NetdefError, SnapshotError
from pysketch.shipped.folders import folder
from pysketch.shipped.names import find_net, find_netdef, find_solver, net_of_digest


@pytest.mark.parametrize(
    ("find", "name", "path"),
    [
        (find_net, "medium", "netdefs/pretrained/medium.h5"),
        (find_netdef, "medium", "netdefs/medium.prototxt"),
        (find_netdef, "medium_paper", "netdefs/medium_paper.prototxt"),
        (find_solver, "medium", "solver/medium_solver.txt"),
        (find_solver, "medium_paper", "solver/medium_paper_solver.txt"),
        (find_solver, "quick", "solver/quick_solver.txt"),
    ],
)
def test_a_name_is_the_file_of_its_kind_from_any_folder(find, name, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Path(find(name))
    assert found.is_file()
    assert found == folder(Path(path).parts[0]).joinpath(*Path(path).parts[1:])


def test_a_file_that_is_there_is_taken_before_a_shipped_one_and_a_folder_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("medium").mkdir()
    assert find_net("medium").endswith("medium.h5")
    Path("small").touch()
    assert find_net("small") == "small"
    Path("quick").mkdir()
    assert find_net("quick") == "quick"


@pytest.mark.parametrize("text", ["none.h5", "./medium", "netdefs/none", "medium.h5", "", "/", "a\0b.h5"])
def test_what_has_a_suffix_or_a_slash_is_a_path_whether_it_is_there_or_not(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_net(text) == find_netdef(text) == find_solver(text) == text


def test_any_other_word_is_an_error_that_lists_the_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nets = r"\(large, medium, photo, portrait, small, sr\)"
    message = rf'^mediun: no such file, nor a shipped net {nets}; did you mean "medium"\?$'
    with pytest.raises(SnapshotError, match=message):
        find_net("mediun")
    with pytest.raises(NetdefError, match=r"^quick: no such file, nor a shipped netdef \(large, large_paper, medium, "):
        find_netdef("quick")
    with pytest.raises(SnapshotError, match=r"^x{4000}: no such file"):
        find_net("x" * 4000)
    with pytest.raises(NetdefError, match=r"^xyz: no such file, nor a shipped solver file \(large, .*, sr_paper\)$"):
        find_solver("xyz")


def test_the_name_of_a_training_is_told_where_its_net_is_or_will_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SnapshotError, match=r"^quick: no such .*; training by the solver file quick writes snapshots/quick"
    ):
        find_net("quick")
    for name in ("quick", "mine"):
        Path("snapshots").mkdir(exist_ok=True)
        (Path("snapshots") / f"{name}.h5").touch()
        with pytest.raises(
            SnapshotError, match=rf"\(large, .*\); did you mean snapshots/{name}\.h5, which training has"
        ):
            find_net(name)
    with pytest.raises(NetdefError, match=r"^quick: no such file, nor a shipped netdef \([^)]*\)$"):
        find_netdef("quick")


def test_what_a_shipped_solver_file_writes_is_called_as_the_file(tmp_path):
    for path in folder("solver").glob("*_solver.txt"):
        name = path.name.removesuffix("_solver.txt")
        assert f'snapshot_prefix: "snapshots/{name}"' in path.read_text(encoding="utf-8")


def test_a_shipped_net_is_known_by_its_files_digest_and_no_other():
    digest = hashlib.sha256(Path(find_net("small")).read_bytes()).hexdigest()
    assert net_of_digest(digest) == "small"
    assert net_of_digest(hashlib.sha256(b"another").hexdigest()) is None
