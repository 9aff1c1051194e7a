from pysketch.net.summary import LayerSummary, NetSummary
from pysketch.report.summary_table import summary_table


def test_what_has_params_but_no_count_is_named():
    layer = LayerSummary("s", "Scale", ((1, 2),), 2, None, 8, None)
    lines = summary_table(NetSummary((layer,), None, 2))
    assert lines[-1] == "Multiply-adds are not counted of: Scale."
