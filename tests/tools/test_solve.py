import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import solve

from pysketch.drawing.net_file import read_net_file
from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import DataError, NetdefError, SnapshotError
from pysketch.native.loader import describe
from pysketch.weights.snapshot import WeightsFile

ROOT = Path(__file__).parents[2]


def weights(path):
    with WeightsFile(path) as file:
        return [file.read(layer, k) for layer in file.layers for k in range(file.count(layer))]


def assert_same(one, two):
    pairs = list(zip(weights(one), weights(two), strict=True))
    assert pairs
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


def test_training_writes_snapshots_and_one_net_file_that_can_draw(solver_file, pairs, tmp_path, device):
    assert solve.main([str(solver_file), "--data", str(pairs), "--device", str(device)]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"tiny.h5"} | {f"tiny_iter_{n}.{k}.h5" for n in (3, 6) for k in ("caffemodel", "solverstate")}
    sketch = Sketcher(tmp_path / "out" / "tiny.h5").draw(np.zeros((29, 31, 3), np.uint8))
    assert sketch.shape == (25, 27)
    assert_same(tmp_path / "out" / "tiny.h5", tmp_path / "out" / "tiny_iter_6.caffemodel.h5")


def test_the_net_file_keeps_the_netdefs_text_and_the_preprocessing(solver_file, pairs, tmp_path):
    solve.main([str(solver_file), "--data", str(pairs)])
    netdef, preprocessing = read_net_file(tmp_path / "out" / "tiny.h5")
    assert netdef.text == (tmp_path / "tiny.prototxt").read_text()
    assert (preprocessing.scale, preprocessing.mean, preprocessing.xy_scale) == (0.004, (127.5,), 0.01)


def test_resuming_gives_the_same_net_bit_for_bit(solver_file, pairs, tmp_path):
    solve.main([str(solver_file), "--data", str(pairs)])
    (tmp_path / "out" / "tiny.h5").rename(tmp_path / "straight.h5")
    state = tmp_path / "out" / "tiny_iter_3.solverstate.h5"
    assert solve.main([str(solver_file), "--data", str(pairs), "--resume", str(state)]) == 0
    assert_same(tmp_path / "straight.h5", tmp_path / "out" / "tiny.h5")


def test_the_seed_on_the_command_line_wins_over_the_files(solver_file, pairs, tmp_path):
    nets = []
    for name, seed in (("one", "8"), ("two", "8"), ("other", "9")):
        solve.main([str(solver_file), "--data", str(pairs), "--seed", seed])
        nets.append((tmp_path / "out" / "tiny.h5").rename(tmp_path / f"{name}.h5"))
    assert_same(nets[0], nets[1])
    assert not np.array_equal(weights(nets[0])[0], weights(nets[2])[0])


def test_weights_are_where_training_starts(solver_file, pairs, net_file, tmp_path):
    text = solver_file.read_text().replace("base_lr: 0.01", "base_lr: 0")
    solver_file.write_text(text)
    solve.main([str(solver_file), "--data", str(pairs), "--weights", str(net_file)])
    assert_same(net_file, tmp_path / "out" / "tiny.h5")


def test_without_data_it_says_how_to_point_at_cufs_and_at_the_synthetic_set(solver_file):
    with pytest.raises(DataError, match=r'layer "data": no data: give --data DIR.*CUFS.*or --data synthetic'):
        solve.main([str(solver_file)])


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["missing.txt"], NetdefError, r"missing\.txt: cannot be read: No such file"),
        (["{solver}", "--data", "nowhere"], DataError, "nowhere: no such folder or list file"),
        (["{solver}", "--data", "{data}", "--resume", "no.h5"], SnapshotError, "no.h5: no such file"),
        (["{solver}", "--data", "{data}", "--weights", "no.h5"], SnapshotError, "no.h5: no such file"),
    ],
)
def test_bad_input_is_an_error_that_names_it(arguments, kind, message, solver_file, pairs):
    arguments = [text.format(solver=solver_file, data=pairs) for text in arguments]
    with pytest.raises(kind, match=message):
        solve.main(arguments)


def test_a_netdef_writes_files_only_into_the_folder_that_output_names(solver_file, pairs, tmp_path):
    netdef = tmp_path / "tiny.prototxt"
    output = 'type: "HDF5Output" bottom: "data" bottom: "label" hdf5_output_param { file_name: "batch.h5" }'
    netdef.write_text(f'{netdef.read_text()}\nlayer {{ name: "out" {output} }}\n')
    with pytest.raises(
        NetdefError, match=r'layer "out": the netdef wants to write the file "batch.h5"; .* --output DIR'
    ):
        solve.main([str(solver_file), "--data", str(pairs)])
    solve.main([str(solver_file), "--data", str(pairs), "--output", str(tmp_path / "new")])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["batch.h5"]


def test_resume_and_weights_together_are_refused(solver_file, capsys):
    with pytest.raises(SystemExit) as stop:
        solve.main([str(solver_file), "--resume", "a.h5", "--weights", "b.h5"])
    assert stop.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "4294967296", "x"])
def test_a_seed_must_be_a_32_bit_whole_number(seed, solver_file, capsys):
    with pytest.raises(SystemExit) as stop:
        solve.main([str(solver_file), "--seed", seed])
    assert stop.value.code == 2
    assert "--seed" in capsys.readouterr().err


def test_a_typo_in_a_netdef_is_one_line_with_its_place_and_status_2(solver_file, pairs, tmp_path):
    netdef = tmp_path / "tiny.prototxt"
    netdef.write_text(netdef.read_text().replace("kernel_size: 3 weight", "kernal_size: 3 weight", 1))
    command = [sys.executable, str(ROOT / "tools" / "solve.py"), str(solver_file), "--data", str(pairs)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    last = result.stderr.splitlines()[-1]
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert 'tiny.prototxt:19:37: layer "conv1": unknown field "kernal_size"' in last
    assert 'did you mean "kernel_size"?' in last


def test_help_teaches_by_example(capsys):
    with pytest.raises(SystemExit) as stop:
        solve.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "python tools/solve.py solver/medium_solver.txt --data DIR" in text
    assert "--data synthetic" in text


def test_the_log_can_go_to_a_file(solver_file, pairs, tmp_path, capsys):
    solve.main([str(solver_file), "--data", str(pairs), "--log", str(tmp_path / "train.log")])
    text = (tmp_path / "train.log").read_text()
    for part in (
        f"Use CPU (asked for), math mode default, {describe()}.",
        "Solving tiny",
        "Iteration 2 (",
        "Test net output #0: loss = ",
        "Optimization Done.",
    ):
        assert part in text
    assert "Iteration" not in capsys.readouterr().err


def test_when_training_ends_so_do_the_threads(solver_file, pairs, tmp_path):
    netdef = tmp_path / "tiny.prototxt"
    netdef.write_text(netdef.read_text().replace('"batch_size": 2', '"batch_size": 2, "cache_mb": 0'))
    before = set(threading.enumerate())
    solve.main([str(solver_file), "--data", str(pairs)])
    assert "pysketch-prefetch" not in {thread.name[:17] for thread in set(threading.enumerate()) - before}


def test_what_is_set_is_logged_kept_in_the_net_file_and_asked_for_again_by_a_resume(solver_file, pairs, tmp_path):
    log, prefix = tmp_path / "train.log", tmp_path / "trials" / "a b"
    command = [str(solver_file), "--data", str(pairs), "--log", str(log), "--prefix", str(prefix)]
    command += ["--set", "data.hold_out=1", "--max-iter", "4"]
    assert solve.main(command) == 0
    made = {path.name for path in prefix.parent.iterdir()}
    assert made == {"a b.h5"} | {f"a b_iter_{n}.{kind}.h5" for n in (3, 4) for kind in ("caffemodel", "solverstate")}
    text = log.read_text()
    assert "Set beside it: data.hold_out=1\n" in text
    assert "Set beside it: max_iter=4\n" in text
    netdef, _ = read_net_file(f"{prefix}.h5")
    assert netdef.text.startswith("# --set data.hold_out=1\n# --set max_iter=4\nname: ")
    state = f"{prefix}_iter_3.solverstate.h5"
    assert solve.main([*command, "--resume", state]) == 0
    assert "Another training" not in log.read_text()
    assert solve.main([str(solver_file), "--data", str(pairs), "--log", str(log), "--resume", state]) == 0
    lines = [line.split("] ", 1)[1] for line in log.read_text().splitlines() if "Another training" in line]
    assert lines == [
        f"Another training goes on from {state}: data.hold_out was 1 and is as in the file",
        f"Another training goes on from {state}: max_iter was 4 and is as in the file",
    ]


def test_a_run_with_the_files_own_values_set_is_the_same_run(solver_file, pairs, tmp_path):
    solve.main([str(solver_file), "--data", str(pairs)])
    (tmp_path / "out" / "tiny.h5").rename(tmp_path / "plain.h5")
    settings = ["data.batch_size=2", "conv1.kernel_size=3", "base_lr=0.01", "type=Adam"]
    solve.main([str(solver_file), "--data", str(pairs), *(word for each in settings for word in ("--set", each))])
    assert_same(tmp_path / "plain.h5", tmp_path / "out" / "tiny.h5")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.hold_ot=1", r'layer "data" \(PhotoSketchData\) has no option "hold_ot"; did you mean "hold_out"\?'),
        ("dta.hold_out=1", r'no layer "dta" in .*tiny\.prototxt; did you mean "data"\?'),
        ("hold_out=1", r'unknown field "hold_out" in SolverParameter;.* an option of a layer is set by LAYER\.OPTION'),
        ("base_lr=fast", r"SolverParameter\.base_lr: expected a decimal number up to 1\.8e308, found fast"),
    ],
)
def test_a_wrong_setting_is_one_line(setting, message, solver_file, pairs):
    with pytest.raises(NetdefError, match=f"^--set {setting}: {message}"):
        solve.main([str(solver_file), "--data", str(pairs), "--set", setting])


@pytest.mark.parametrize("value", ["0", "x"])
def test_max_iter_is_1_or_more(value, solver_file, capsys):
    with pytest.raises(SystemExit) as stop:
        solve.main([str(solver_file), "--max-iter", value])
    assert stop.value.code == 2
    assert "--max-iter" in capsys.readouterr().err


def test_going_on_at_the_end_says_that_nothing_is_left_to_do_and_writes_nothing(solver_file, pairs, tmp_path):
    command, log = [str(solver_file), "--data", str(pairs)], tmp_path / "again.log"
    solve.main(command)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    state = tmp_path / "out" / "tiny_iter_6.solverstate.h5"
    command = [str(solver_file), "--data", "nowhere", "--log", str(log), "--resume", str(state)]
    assert solve.main(command) == 0
    assert log.read_text().endswith(f"{state}: at iteration 6 of 6 nothing is left to do; a larger max_iter goes on\n")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize(
    ("option", "given", "message"),
    [
        ("--resume", "{folder}/tiny_iter_6.caffemodel.h5", "holds weights, not a solver state; give "),
        ("--resume", "{folder}/tiny.h5", "is a net file, not a solver state; give "),
        ("--weights", "{folder}/tiny_iter_6.solverstate.h5", "is a solver state, not weights, which are in "),
        ("--weights", "{solver}", "is a solver file; expected a net file or weights"),
        ("--resume", "{solver}", "is a solver file; expected a solver state"),
        ("--resume", "none.solverstate", "no such file"),
    ],
)
def test_a_wrong_file_is_refused_before_the_pairs_are_read(option, given, message, solver_file, pairs, tmp_path):
    if "iter" in given or "tiny.h5" in given:
        solve.main([str(solver_file), "--data", str(pairs)])
    path = given.format(folder=tmp_path / "out", solver=solver_file)
    with pytest.raises(SnapshotError, match=f"^{re.escape(path)}: {message}"):
        solve.main([str(solver_file), "--data", "nowhere", option, path])


def test_what_is_set_twice_is_told_and_max_iter_and_prefix_count_most(solver_file, pairs, tmp_path):
    log = tmp_path / "train.log"
    settings = ["--set", "max_iter=1", "--set", "base_lr=0.1", "--set", "base_lr=0.2", "--set", "snapshot_prefix=p"]
    command = [str(solver_file), "--data", str(pairs), "--log", str(log), *settings]
    solve.main([*command, "--max-iter", "2", "--prefix", f"{tmp_path}/q"])
    text = log.read_text()
    assert "base_lr is set twice: 0.2 counts, not 0.1\n" in text
    assert "max_iter is set twice: 2 counts, not 1\n" in text
    assert f'snapshot_prefix is set twice: "{tmp_path}/q" counts, not p\n' in text
    assert (tmp_path / "q_iter_2.solverstate.h5").is_file()


def test_a_log_is_not_appended_to_the_solver_file(solver_file):
    before = solver_file.read_bytes()
    with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
        solve.main([str(solver_file), "--log", str(solver_file)])
    assert solver_file.read_bytes() == before
