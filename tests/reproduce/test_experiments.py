from pathlib import Path

from pysketch.reproduce.experiments import EXPERIMENTS
from pysketch.reproduce.training import Setting


def test_an_experiment_is_called_what_its_name_in_the_table_says(tmp_path):
    setting = Setting("synthetic", Path(tmp_path))
    assert [make(setting).name for make in EXPERIMENTS.values()] == list(EXPERIMENTS)
