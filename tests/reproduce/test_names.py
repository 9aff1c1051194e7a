from pysketch.reproduce.experiments import EXPERIMENTS
from pysketch.reproduce.names import EXPERIMENT_NAMES


def test_every_name_is_an_experiments_whose_function_is_called_so():
    assert [*EXPERIMENTS] == [*EXPERIMENT_NAMES]
    assert [make.__name__ for make in EXPERIMENTS.values()] == [*EXPERIMENT_NAMES]
