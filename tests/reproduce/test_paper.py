from pysketch.reproduce.paper import MPRL, PAIRS, RANK1_BY_PAIRS, RANKS, TABLE1


def test_every_printed_row_fits_its_columns():
    assert all(len(row) == len(RANKS) for row in TABLE1.values())
    assert all(len(row) == 3 for row in MPRL.values())
    assert set(RANK1_BY_PAIRS[0]) <= set(PAIRS)


def test_printed_scores_never_fall_with_the_rank():
    for row in TABLE1.values():
        printed = [value for value in row if value is not None]
        assert printed == sorted(printed)
        assert 0 < printed[0] <= 100


def test_a_larger_net_is_better_at_every_scale():
    assert list(MPRL) == ["sr", "small", "medium", "large"]
    for column in zip(*MPRL.values(), strict=True):
        assert list(column) == sorted(column, reverse=True)
