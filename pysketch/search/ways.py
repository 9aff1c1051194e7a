"""The ways to compare a sketch with a gallery, by name; nothing is imported for them, as help texts name them."""

WAYS = VIEWS, INNER, PIXELS = "views", "inner", "pixels"
"""What may be compared: several views of a face, see `describe`, such views of the inner face alone, see
`inner_distances`, or the paper's measure, see `pixel_distances`."""
