"""Solver files: what they mean, and one line for everything that is wrong in them."""

from __future__ import annotations

import logging

import pytest
from solver_helpers import solver_def

from pysketch.device.backend import CPU, choose_device
from pysketch.errors import DeviceError, NetdefError
from pysketch.netdef.definitions import load_netdef
from pysketch.solver.definition import SOLVER, load_solver

MINIMAL = 'net: "n.prototxt" max_iter: 9'


def test_a_file_is_read_with_its_place(tmp_path):
    path = tmp_path / "tiny_solver.txt"
    path.write_text('# comment\nnet: "n.prototxt"\nbase_lr: 1e-3\nmax_iter: 7\n')
    definition = load_solver(path)
    assert (definition.options.base_lr, definition.options.max_iter, definition.train_net) == (1e-3, 7, "n.prototxt")
    assert definition.filename == str(path)


def test_defaults_are_those_of_caffe():
    options = solver_def(MINIMAL).options
    expected = {
        "test_interval": 0,
        "test_initialization": True,
        "average_loss": 1,
        "iter_size": 1,
        "momentum": 0,
        "momentum2": 0.999,
        "rms_decay": 0.99,
        "delta": 1e-8,
        "weight_decay": 0,
        "regularization_type": "L2",
        "clip_gradients": -1,
        "snapshot": 0,
        "snapshot_diff": False,
        "snapshot_after_train": True,
        "random_seed": -1,
        "debug_info": False,
        "type": "SGD",
        "solver_mode": "GPU",
    }
    assert {name: getattr(options, name) for name in expected} == expected


def test_every_option_has_a_line_of_help():
    assert [option.name for option in SOLVER.options if not option.help] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SGD", "SGD"),
        ("NESTEROV", "Nesterov"),
        ("ADAGRAD", "AdaGrad"),
        ("RMSPROP", "RMSProp"),
        ("ADADELTA", "AdaDelta"),
        ("ADAM", "Adam"),
    ],
)
def test_the_old_solver_type_names_the_same_rules(old, new):
    assert solver_def(f"{MINIMAL} solver_type: {old}").type == new
    assert solver_def(f'{MINIMAL} type: "{new}"').type == new


def test_test_nets_come_before_net_and_each_has_its_test_iter():
    text = 'net: "n" max_iter: 1 test_net: "a" test_net: "b" test_iter: 3 test_iter: 4 test_iter: 5 test_interval: 1'
    assert solver_def(text).test_nets == ["a", "b", "n"]
    assert solver_def('net: "n" max_iter: 1 test_iter: 3 test_iter: 4 test_interval: 1').test_nets == ["n", "n"]
    assert solver_def(MINIMAL).test_nets == []
    assert solver_def(f'{MINIMAL} test_net: "a" test_interval: 1').test_nets == ["a", "n.prototxt"]


def test_train_net_replaces_net():
    definition = solver_def('train_net: "t" test_net: "a" test_iter: 3 max_iter: 1')
    assert (definition.train_net, definition.test_nets) == ("t", ["a"])


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("", "some/solver"),
        ('snapshot_prefix: "snaps/x"', "snaps/x"),
        ('snapshot_prefix: "no/such/"', "no/such/solver"),
        ('snapshot_prefix: "{folder}"', "{folder}/solver"),
    ],
)
def test_the_prefix_of_snapshots_follows_caffes_rules(given, prefix, tmp_path):
    definition = solver_def(f"{MINIMAL} {given.format(folder=tmp_path.as_posix())}")
    assert definition.prefix == prefix.format(folder=tmp_path)


@pytest.mark.parametrize("name", ["snapshot_format: HDF5", "layer_wise_reduce: false", "solver_mode: 1"])
def test_caffes_harmless_options_are_read(name):
    assert solver_def(f"{MINIMAL} {name}").options.max_iter == 9


TESTED = f"{MINIMAL} test_iter: 3 test_interval: 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_iter: 9", 's.txt: no net to train; give net: "netdefs/medium.prototxt"'),
        ('net: "n"\nlr_policy: "poly"', "s.txt:2:1: lr_policy poly needs a max_iter, at which the rate is 0"),
        (f'{MINIMAL}\ntrain_net: "t"', "s.txt:2:1: give either net or train_net, not both"),
        (
            f'{MINIMAL}\ntype: "Adam"\nsolver_type: ADAM',
            "s.txt:3:1: give either type or the old solver_type, not both",
        ),
        (
            f'{MINIMAL}\ntype: "ADAM"',
            's.txt:2:1: unknown type "ADAM"; expected one of SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam; '
            'did you mean "Adam"?',
        ),
        (
            f'{MINIMAL}\nlr_policy: "multi"',
            's.txt:2:1: unknown lr_policy "multi"; expected one of fixed, step, exp, inv, multistep, poly, sigmoid; '
            'did you mean "multistep"?',
        ),
        (
            f'{MINIMAL}\nregularization_type: "L3"',
            's.txt:2:1: unknown regularization_type "L3"; expected one of L1, L2',
        ),
        (f'{MINIMAL}\nlr_policy: "step"', "s.txt:2:1: lr_policy step needs a stepsize of at least 1"),
        (f'{MINIMAL} stepsize: 0\nlr_policy: "step"', "s.txt:2:1: lr_policy step needs a stepsize of at least 1"),
        (f'{MINIMAL} lr_policy: "multistep"\nstepvalue: [5, 3]', "s.txt:2:13: stepvalues must ascend, found [5, 3]"),
        (
            f'{MINIMAL} lr_policy: "multistep"\nstepvalue: 3 stepvalue: 3',
            "s.txt:2:1: stepvalues must ascend, found [3, 3]",
        ),
        (
            'train_net: "t" max_iter: 1\ntest_interval: 5',
            "s.txt:2:1: test_interval without a net to test; give net, or",
        ),
        (f'{MINIMAL} test_net: "a" test_net: "b"\ntest_iter: 3', "s.txt:2:1: 1 test_iter for 2 test nets"),
        ('train_net: "t" max_iter: 1\ntest_iter: 3', "s.txt:2:1: 1 test_iter for 0 test nets"),
        (f"{TESTED}\ntest_state {{ }} test_state {{ }}", "s.txt:2:1: 2 test_state for 1 test net"),
        (f'{MINIMAL} type: "AdaGrad"\nmomentum: 0.9', "s.txt:2:1: AdaGrad has no momentum; remove it"),
        (f'{MINIMAL} type: "RMSProp"\nmomentum: 0.9', "s.txt:2:1: RMSProp has no momentum; remove it"),
        (f"{MINIMAL}\nbase_rl: 1", 's.txt:2:1: unknown field "base_rl" in SolverParameter; did you mean "base_lr"?'),
        (
            'name: "n"\nlayer { }',
            's.txt:2:1: "layer" belongs in a netdef; expected a solver file, which names its netdef: net: "s.txt"',
        ),
        (f"{MINIMAL}\nnet_param {{ }}", "s.txt:2:1: not supported: SolverParameter.net_param"),
        (f"{MINIMAL}\nbase_lr: -1", "s.txt:2:10: SolverParameter.base_lr: expected at least 0"),
        (f"{MINIMAL}\nbase_lr: nan", "s.txt:2:10: SolverParameter.base_lr: expected at least 0"),
        (f"{MINIMAL}\ngamma: -0.5", "s.txt:2:8: SolverParameter.gamma: expected at least 0"),
        (f"{MINIMAL}\niter_size: 0", "s.txt:2:12: SolverParameter.iter_size: expected at least 1"),
        (f"{MINIMAL}\naverage_loss: 0", "s.txt:2:15: SolverParameter.average_loss: expected at least 1"),
        (f"{MINIMAL}\ndisplay: -1", "s.txt:2:10: SolverParameter.display: expected at least 0"),
        (
            f"{MINIMAL}\nrandom_seed: 4294967296",
            "s.txt:2:14: SolverParameter.random_seed: expected at most 4294967295",
        ),
        (
            'net: "n"\nmax_iter: 1e5',
            "s.txt:2:11: SolverParameter.max_iter: expected an integer from -2147483648 to 2147483647, found 1e5; "
            "write it without a point or an exponent",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, message):
    with pytest.raises(NetdefError) as error:
        solver_def(text, "s.txt")
    assert str(error.value).startswith(message)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NetdefError, match=r"none\.txt: cannot be read: No such file"):
        load_solver(tmp_path / "none.txt")


@pytest.fixture
def placed(tmp_path, monkeypatch):
    """The definition of a/b/s.txt, read from the folder here."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = tmp_path / "a" / "b" / "s.txt"
    path.write_text('net: "nets/n.prototxt"\ntest_net: "t" test_iter: 1 test_interval: 1\nmax_iter: 9 test_iter: 1')
    return load_solver(path)


def test_a_netdef_is_looked_for_here_then_beside_the_solver_file_then_above_it(placed, tmp_path):
    for folder, expected in (
        ("a", str(tmp_path / "a/nets/n.prototxt")),
        ("a/b", str(tmp_path / "a/b/nets/n.prototxt")),
        ("here", "nets/n.prototxt"),
    ):
        (tmp_path / folder / "nets").mkdir()
        (tmp_path / folder / "nets" / "n.prototxt").touch()
        assert placed.find_netdef(placed.train_net) == expected


def test_a_solver_file_that_is_named_without_a_folder_has_a_folder_too(placed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "a" / "b")
    (tmp_path / "a" / "t").touch()
    assert load_solver("s.txt").find_netdef("t") == str(tmp_path / "a" / "t")


def test_a_netdef_that_is_nowhere_is_told_with_its_place_and_where_it_was_looked_for(placed, tmp_path):
    for path, place in zip(placed.test_nets, ("2:1", "1:1"), strict=True):
        with pytest.raises(NetdefError) as error:
            placed.find_netdef(path)
        folders = f"{tmp_path / 'here'}, {tmp_path / 'a' / 'b'}, {tmp_path / 'a'}"
        assert str(error.value) == f"{placed.filename}:{place}: {path}: no such netdef; looked for it in {folders}"


def test_a_netdef_that_no_file_can_be_called_is_one_line_too(placed):
    path = "x" * 4000
    with pytest.raises(NetdefError, match=r"^x+: cannot be read: "):
        load_netdef(path)
    with pytest.raises(NetdefError, match=f": {path}: no such netdef; looked for it in "):
        placed.find_netdef(path)


def test_a_whole_path_is_looked_for_nowhere_else(placed, tmp_path):
    assert placed.find_netdef(str(tmp_path / "none.prototxt")) == str(tmp_path / "none.prototxt")


@pytest.fixture
def one_gpu(monkeypatch):
    """GPU 0 works, no other does."""
    monkeypatch.setattr("pysketch.device.backend._gpu_problem", lambda index: f"no GPU {index}" if index else None)
    monkeypatch.setattr("pysketch.device.backend.gpu_name", lambda cupy, index: "card")
    monkeypatch.setattr("pysketch.device.backend._import_cupy", lambda: None)


@pytest.mark.parametrize(
    ("options", "device"),
    [("", "gpu:0"), ("device_id: 1", "cpu"), ("solver_mode: CPU", "cpu"), ("solver_mode: GPU", "gpu:0")],
)
def test_the_mode_is_the_device_and_without_one_a_gpu_that_works_is_taken(options, device, one_gpu):
    assert str(solver_def(f"{MINIMAL} {options}").choose_device()) == device


def test_a_gpu_that_is_asked_for_and_not_there_is_an_error_at_its_place(one_gpu):
    definition = solver_def(f"{MINIMAL}\nsolver_mode: GPU device_id: 1", "s.txt")
    with pytest.raises(DeviceError, match=r"^s\.txt:2:\d+: solver_mode GPU: device gpu:1 cannot be used: no GPU 1; "):
        definition.choose_device()


def test_the_cpu_is_taken_without_a_look_at_gpus(monkeypatch):
    monkeypatch.setattr("pysketch.device.backend._gpu_problem", None)
    assert solver_def(f"{MINIMAL} solver_mode: CPU").choose_device() is CPU


def test_where_and_how_to_work_is_as_the_file_says_unless_it_is_said_otherwise(one_gpu):
    definition = solver_def(f"{MINIMAL} solver_mode: GPU random_seed: 7")
    context = definition.context(data_source="pairs")
    assert (str(context.device), context.seed, context.data_source) == ("gpu:0", 7, "pairs")
    other = definition.context(CPU, 3)
    assert (other.device, other.seed, other.data_source) == (CPU, 3, None)


def test_without_a_seed_another_one_is_drawn_each_time():
    definition = solver_def(f"{MINIMAL} solver_mode: CPU")
    assert len({definition.context().seed for _ in range(3)}) == 3


def test_settings_are_read_as_if_they_stood_in_the_file_and_the_last_of_a_path_counts(tmp_path):
    path = tmp_path / "s.txt"
    path.write_text(f"{MINIMAL} momentum: 0.9")
    definition = load_solver(path, ["momentum=0.1", "data.hold_out=3", "momentum=0.5", "train_state.level=2"])
    assert (definition.options.momentum, definition.options.train_state.level) == (0.5, 2)
    assert [each.text for each in definition.settings] == ["momentum=0.5", "data.hold_out=3", "train_state.level=2"]
    assert [each.text for each in definition.layer_settings] == ["data.hold_out=3"]


def test_a_path_that_is_set_twice_to_different_values_is_told(tmp_path, caplog):
    (tmp_path / "s.txt").write_text(f"{MINIMAL} base_lr: 1")
    settings = ["momentum=0.1", "data.hold_out=3", "data.hold_out=3", "momentum=0.5"]
    with caplog.at_level(logging.WARNING):
        load_solver(tmp_path / "s.txt", settings)
    assert caplog.messages == ["momentum is set twice: 0.5 counts, not 0.1"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("base_rl=1", 'unknown field "base_rl" in SolverParameter; did you mean "base_lr"?; an option of a layer is'),
        ("max_iter=-1", "SolverParameter.max_iter: expected at least 0"),
        ("type=SGB", 'unknown type "SGB"; expected one of SGD, '),
        ("momentum=-1", "SolverParameter.momentum: expected at least 0"),
    ],
)
def test_what_is_wrong_in_a_setting_is_said_of_it(setting, message, tmp_path):
    (tmp_path / "s.txt").write_text(MINIMAL)
    with pytest.raises(NetdefError) as error:
        load_solver(tmp_path / "s.txt", [setting])
    assert str(error.value).startswith(f"--set {setting}: {message}")


def test_weights_are_looked_for_as_netdefs_are_and_a_text_may_name_several(placed, tmp_path):
    for name in ("a.h5", "b.h5", "c,d.h5"):
        (tmp_path / "a" / name).touch()
    whole = tmp_path / "a" / "c,d.h5"
    definition = solver_def(f"{MINIMAL} weights: 'a.h5, b.h5' weights: '{whole}'", placed.filename)
    assert definition.weights == [str(tmp_path / "a" / "a.h5"), str(tmp_path / "a" / "b.h5"), str(whole)]
    definition = solver_def(f"{MINIMAL} weights: 'none.h5'", placed.filename)
    with pytest.raises(NetdefError, match=r"s\.txt:1:\d+: none\.h5: no such weights file; looked for it in \S+/here, "):
        _ = definition.weights


@pytest.mark.parametrize("option", ["net", "train_net", "test_net", "weights", "snapshot_prefix"])
def test_a_path_whose_backslashes_became_line_breaks_is_shown_as_read(option):
    with pytest.raises(NetdefError) as error:
        solver_def(rf'max_iter: 1 {option}: "C:\new\train.prototxt"')
    assert str(error.value) == (
        f"some/solver.txt:1:13: {option}: C:<a line break>ew<a tab>rain.prototxt is no path; a backslash begins an "
        r"escape, such as \n for a line break: write / in paths, as in C:/new/train.prototxt"
    )


def test_a_netdef_with_backslashes_is_told_to_use_slashes(placed):
    with pytest.raises(
        NetdefError, match=r"nets\\n\.prototxt: no such netdef; looked .*; write / in paths, as in nets/n"
    ):
        placed.find_netdef("nets\\n.prototxt")


def test_the_folders_of_the_solver_file_are_looked_through_by_the_nets_layers(placed, tmp_path):
    assert placed.context(choose_device("cpu")).folders == (str(tmp_path / "a" / "b"), str(tmp_path / "a"))
