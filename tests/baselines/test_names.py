from pysketch.baselines.baseline import BASELINES
from pysketch.baselines.names import baseline_names


def test_the_names_are_those_of_the_classes_and_of_their_files():
    assert baseline_names() == list(BASELINES)
    assert {cls.__module__.rpartition(".")[2]: name for name, cls in BASELINES.items()} == {
        name: name for name in baseline_names()
    }
