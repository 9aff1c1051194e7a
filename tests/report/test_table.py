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
