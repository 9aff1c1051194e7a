"""What the paper's tables and figures are called; nothing is imported for it, as a help text names them."""

EXPERIMENT_NAMES = (
    "table1",
    "table2",
    "fig3",
    "fig4",
    "fig5",
    "fig6",
    "regularizer",
    "recipe",
    "literal",
    "growth",
)
"""In the order of the page."""
