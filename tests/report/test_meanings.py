from pysketch.report.meanings import GROUPS, MEASURED, RATE, VERIFICATION
from pysketch.report.measures import MEASURES


def test_every_measure_has_a_head_and_a_meaning_in_the_order_of_the_columns():
    assert {name: (each.head, each.meaning) for name, each in MEASURES.items()} == MEASURED
    assert [*MEASURED] == [*MEASURES]


def test_the_texts_say_the_numbers_that_are_counted_with():
    assert f"{100 * RATE:g} % are" in GROUPS
    assert "what 95 % of resamples" in VERIFICATION
