from pysketch.benchmark.contender.libraries import LIBRARIES
from pysketch.benchmark.contender.peers import TRAINING, missing_libraries


def test_every_peer_needs_a_library_and_those_that_train_are_among_them():
    assert {*TRAINING} < {*LIBRARIES}
    for peer, needed in LIBRARIES.items():
        assert {*missing_libraries(peer)} <= {*needed} != set()
