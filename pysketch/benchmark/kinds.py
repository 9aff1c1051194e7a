"""What --grow may let grow; nothing is imported for it, as a help text names it."""

KINDS = ("area", "batch", "filters")
"""The image's area, the batch, and the nets' filters, from sr to large."""
