from pysketch.report.table import aligned, markdown

ROWS = [["layer", "bound by", "median ms"], ["conv10", "bytes", "1.5"], ["c", "operations", "123.4"]]


def test_names_stand_to_the_left_and_columns_that_end_in_a_unit_to_the_right():
    assert aligned(ROWS) == [
        "layer   bound by    median ms",
        "conv10  bytes             1.5",
        "c       operations      123.4",
    ]


def test_a_markdown_table_has_a_rule_under_its_head():
    assert markdown(ROWS) == [
        "| layer | bound by | median ms |",
        "|---|---:|---:|",
        "| conv10 | bytes | 1.5 |",
        "| c | operations | 123.4 |",
    ]


def test_all_columns_may_be_numbers_from_one_on():
    assert aligned([["a", "b", "c"], ["x", "10", "2.50"]], numbers_from=1) == ["a   b     c", "x  10  2.50"]
