import dataclasses
from functools import partial

import numpy as np
import pytest

from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import DivergenceError
from pysketch.images import synthetic
from pysketch.layers.generative_discriminative_loss import GenerativeDiscriminativeLoss
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.netdef.definitions import Phase, load_netdef
from pysketch.reproduce.training import (
    SCORES,
    Recipe,
    definition,
    net_path,
    pairs_of,
    score,
    scores,
    train,
    trained_scores,
    with_fields,
    with_options,
)
from pysketch.shipped import folder

NETDEF = """
# "alpha" may be 0
param_str: '{ "batch_size": 4,'
           '  "mean": [1, 2, 3], "xy": true, "xy_scale": 0.5 }'
param_str: '{ "alpha": 1e4, "lambda": 1e9 }'
"""


def recipe(**options):
    return Recipe("tiny", 3, 5, options)


def weights(path):
    return Sketcher(path).net.params["conv1"][0].data.copy()


def test_options_that_are_there_get_the_new_value_and_nothing_else_changes():
    changed = with_options(NETDEF, {"alpha": "0", "xy": "false", "mean": "[9]"})
    expected = NETDEF.replace('# "alpha" may be 0', "").strip()
    for before, after in (("1e4", "0"), ("true", "false"), ("[1, 2, 3]", "[9]")):
        expected = expected.replace(before, after)
    assert changed.strip() == expected


def test_an_option_that_is_not_there_joins_the_data_layers():
    assert '"batch_size": 4, "pairs": 7,' in with_options(NETDEF, {"pairs": "7"})


def test_an_option_that_stands_there_twice_or_has_no_place_is_refused():
    with pytest.raises(ValueError, match="lambda stands 2 times"):
        with_options(NETDEF + '"lambda": 3 ', {"lambda": "1"})
    with pytest.raises(ValueError, match="batch_size stands 0 times"):
        with_options("name: 'x'", {"pairs": "7"})


def test_fields_of_a_solver_file_are_set_and_must_be_there_once():
    assert with_fields("a: 1   # one\nba: 2\n", {"a": "7"}) == "a: 7   # one\nba: 2\n"
    for text in ("b: 1\n", "a: 1\na: 2\n"):
        with pytest.raises(ValueError, match="expected once"):
            with_fields(text, {"a": "7"})


@pytest.mark.parametrize("net", ["sr", "small", "medium", "large"])
def test_every_net_of_the_project_takes_the_experiments_options(net, tmp_path):
    options = {"batch_size": "2", "pairs": "5", "choose": '"random"', "alpha": "3e8", "xy": "false"}
    made = definition(Recipe(net, 17, 3, options), tmp_path / "net.h5")
    assert (made.options.max_iter, made.options.random_seed, made.test_nets) == (17, 3, [])
    layers = {layer.name: layer for layer in load_netdef(made.train_net).layers if layer.type == "Python"}
    data = PhotoSketchData.read_options(layers["data"])
    assert (data.batch_size, data.pairs, data.xy) == (2, 5, False)
    assert GenerativeDiscriminativeLoss.read_options(layers["loss"]).alpha == 3e8


def test_a_recipe_that_differs_in_anything_has_another_name_and_digest(setting):
    first = recipe(alpha="0")
    others = [recipe(alpha="1e4"), dataclasses.replace(first, seed=6), dataclasses.replace(first, iterations=4)]
    others.append(recipe(alpha="0", pairs="3"))
    assert len({each.digest for each in (first, *others)}) == 5
    assert len({each.name for each in (first, *others)}) == 5


def test_a_changed_netdef_or_solver_file_is_another_recipe_but_a_changed_comment_or_blank_is_not(setting, tmp_path):
    before = recipe().digest
    netdef, solver = (tmp_path / "root" / name for name in ("netdefs/tiny.prototxt", "solver/tiny_solver.txt"))
    netdef.write_text(netdef.read_text().replace("# a comment", "# another"))
    solver.write_text(solver.read_text().replace("      # a comment", "  # another\n"))
    assert recipe().digest == before
    solver.write_text(solver.read_text().replace("base_lr: 0.01", "base_lr: 0.02"))
    between = recipe().digest
    netdef.write_text(netdef.read_text().replace("num_output: 3", "num_output: 2"))
    assert len({before, between, recipe().digest}) == 3


def test_a_training_is_kept_and_a_second_one_takes_it(setting, monkeypatch):
    path = train(setting, recipe())
    assert path == net_path(setting, recipe())
    monkeypatch.setattr("pysketch.reproduce.training.Solver", None)
    assert train(setting, recipe()) == path


def test_the_same_recipe_gives_the_same_net_and_another_seed_another(setting):
    first = weights(train(setting, recipe()))
    net_path(setting, recipe()).unlink()
    assert np.array_equal(weights(train(setting, recipe())), first)
    assert not np.array_equal(weights(train(setting, Recipe("tiny", 3, 6, {}))), first)


def test_a_training_that_diverges_leaves_no_net(setting, tmp_path):
    solver = tmp_path / "root" / "solver" / "tiny_solver.txt"
    solver.write_text(solver.read_text().replace("base_lr: 0.01", "base_lr: 1e38"))
    with pytest.raises(DivergenceError):
        train(setting, recipe())
    assert not net_path(setting, recipe()).exists()


def test_the_pairs_learned_from_are_those_that_the_seed_chooses(setting):
    chosen = [
        {
            pair.name
            for pair in pairs_of(setting, Recipe("tiny", 3, seed, {"pairs": "4", "choose": '"random"'}), Phase.TRAIN)
        }
        for seed in range(6)
    ]
    everyone = {pair.name for pair in setting.training_pairs()}
    assert all(len(names) == 4 and names < everyone for names in chosen)
    assert len(set(map(frozenset, chosen))) > 1
    assert len(pairs_of(setting, recipe(), Phase.TRAIN)) == 6


def test_scores_are_those_of_the_test_pairs(setting):
    found = trained_scores(setting, recipe())
    assert tuple(found) == SCORES
    evaluation = score(setting, train(setting, recipe()), setting.test_pairs())
    assert found == scores(evaluation)
    assert found["rmse"] == pytest.approx(evaluation.rmses.mean())
    assert found["rank3"] == 100
    assert len(evaluation.drawn) == 3


@pytest.mark.slow
def test_quick_shrinks_trainings_and_test_pairs(setting, monkeypatch):
    monkeypatch.setattr(synthetic, "test_pairs", partial(synthetic.test_pairs, 7))
    quick = dataclasses.replace(setting, data="synthetic", quick=True)
    assert (quick.iterations(240), setting.iterations(240)) == (3, 240)
    assert len(quick.test_pairs()) == 6


def test_all_nets_of_a_setting_share_its_threads(setting):
    assert setting.workers is setting.workers
    assert setting.workers.threads == 1


def test_the_root_holds_the_netdefs():
    assert (folder("netdefs") / "small.prototxt").is_file()
