"""What may be asked for by name; nothing is imported for it, as help texts name it."""

BACKGROUNDS = ("black", "brown", "grey", "white", "stripes", "noise")
"""Backgrounds: plain colours, black and white bars, and coarse coloured noise."""
