import pytest

from pysketch.reproduce import recipe as recipe_module
from pysketch.reproduce.recipe import recipe
from pysketch.reproduce.runner import Results, run
from pysketch.reproduce.training import SCORES, pairs_of

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')

TRIED = (
    ("random", 2, 1, "true", 0, 0, 0, 0.01, 0.999),
    ("random", 2, 1, "true", 0, 0, 0, 0.02, 0.999),
    ("random", 2, 2, "false", 0, 0, 0, 0.01, 0.999),
    ("unusual", 3, 1, "true", 1, 0.2, 0.1, 0.01, 0.99),
)


@pytest.fixture
def small(monkeypatch):
    """Trainings of the tiny net, with two of the six training pairs held out."""
    for name, value in (("NET", "tiny"), ("HELD_OUT", 2), ("_TRIED", TRIED)):
        monkeypatch.setattr(recipe_module, name, value)


@pytest.mark.slow
def test_recipes_are_scored_on_training_pairs_that_they_have_not_learned(setting, tmp_path, monkeypatch, small):
    asked = []

    def noted(setting, made, phase):
        pairs = pairs_of(setting, made, phase)
        asked.append({pair.name for pair in pairs})
        return pairs

    monkeypatch.setattr(recipe_module, "pairs_of", noted)
    monkeypatch.setattr(type(setting), "test_pairs", lambda self: pytest.fail("asked for the test pairs"))
    results = Results.load(recipe(setting), tmp_path)
    run([results], None, lambda *_: None)
    assert results.failures == []
    everyone = {pair.name for pair in setting.training_pairs()}
    for learned, held in zip(asked[::2], asked[1::2], strict=True):
        assert (len(learned), len(held)) == (4, 2)
        assert learned | held == everyone
    assert asked[0] == asked[2]  # the same pairs for all recipes
    first, *others = results.done
    assert len({row["rmse"] for row in (first, *others)}) == 4
    assert float(first["learned_rmse"]) != float(first["rmse"])


def a_row(way, updates, rmse):
    cell = {"held_out": way, "updates": updates, "batch_size": 1, "mirror": "true", "shift": 3}
    cell |= {"light": 0.1, "colour": 0.03, "base_lr": 0.001, "momentum2": 0.999}
    values = dict.fromkeys(SCORES, 50) | {"rmse": rmse, "learned_rmse": 20.5}
    return {name: str(value) for name, value in (cell | values).items()}


def test_the_lowest_and_the_highest_error_are_said_for_each_way_of_holding_out(setting, tmp_path, small):
    rows = [a_row("random", 600, 28.5), a_row("random", 2400, 27.25), a_row("unusual", 2400, 30)]
    section = recipe(setting).show(rows, tmp_path)
    low = "2400 updates by batches of 1, mirrored, shifts up to 3, light changed by 0.1 and 0.03, "
    low += "rate 0.001, momentum2 0.999"
    assert section.paragraphs[1].startswith(f"random: from 27.25 ({low}) to 28.50 (600 updates")
    assert len(section.paragraphs) == 2  # one recipe alone is no comparison
    assert section.tables[0].rows[1] == [
        "random",
        "2400",
        "1",
        "true",
        "3",
        "0.1",
        "0.03",
        "0.001",
        "0.999",
        20.5,
        27.25,
    ]


def test_no_results_make_no_claims(setting, tmp_path, small):
    assert len(recipe(setting).show([], tmp_path).paragraphs) == 1
