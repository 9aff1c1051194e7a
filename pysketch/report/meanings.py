"""What the tables, their columns and a match mean, in plain words: for help texts, tables and pages alike.

A help text that says it must not wait for what computes it, so nothing is imported here.
"""

from __future__ import annotations

CONFIDENCE = 0.95
"""The share of the resamples of the people that an interval holds."""

RATE = 0.01
"""The share of others that are accepted at the distance at which all groups are looked at."""

WORTH = (
    "A match is a lead, not a proof. The list always has a first person, even if the one who was drawn is not in the "
    "gallery; somebody else may well look more like the sketch. Let people look at the pictures, and look for other "
    "evidence before anybody is called the one who was drawn."
)
"""What a match is worth, in plain words."""

SCORING = (
    "photos are drawn from their centre 155x200 (whole by baselines, and by nets whose sketches are as large as "
    "photos), and all scores are of the centre 143x188 of the sketch; with --whole both are whole. RMSE is on grey "
    'levels 0..255, averaged over the pairs; "at .5" and "at 2" is that of both rescaled: the paper\'s MPRL. bias: '
    "the mean difference in grey levels; above 0, what is drawn is lighter than the artist's. PSNR is in decibels. "
    "rank n: the share of the artist's sketches whose own person is among the n nearest of all drawn sketches, in "
    "percent; who is equally near counts against us. s/photo: the median time of drawing one. A net from sketch to "
    "photo is scored, and baselines beside it learn, the other way: what is drawn is compared with the photo's luma."
)
"""What the columns are, and of what."""

SKIN = (
    "drawn is the mean grey level of forehead and cheeks as they were drawn: paper is 255, whatever the skin. inner "
    "RMSE is that of the face alone. Synthetic persons are made with skin of that colour; of others, the skin is given "
    "another tone where a blue screen shows where the person ends, and photos without one are left out."
)
BACKGROUND = (
    "behind is the mean grey level that was drawn where the blue screen was: paper is 255. inner RMSE is that of the "
    "face alone. Photos without a screen are left out; synthetic ones are made before one."
)
VERIFICATION = (
    "are two sketches of one person? Every artist's sketch is compared with every drawn one; who is at most as far "
    "as a threshold is accepted, all who are equally far alike. area: under the curve of true over false accepts; the "
    "chance that the own person is nearer than another one. equal error: where as large a share of others is accepted "
    "as of own persons refused, in percent. at 1 %: the share of own persons accepted, in percent, where at most 1 % "
    f"of others are. In brackets what {100 * CONFIDENCE:.0f} % of resamples of the people say, or, where nobody is "
    "mistaken, what so few people can vouch for; -: too few comparisons to say."
)
GROUPS = (
    "who is mistaken, and for whom? The same made people in each group, but for what all of it have in common, in the "
    "photo and in the artist's sketch. not first: of the sketches, those that find somebody else of their group first. "
    "others taken for one: of different people in the group, those that are nearer than a distance, the same for all "
    f"groups; of people as they come {100 * RATE:g} % are. own refused: of own persons, those that are farther. In "
    f"percent; in brackets what {100 * CONFIDENCE:.0f} % of resamples of the people say, or, where nobody is mistaken, "
    "what so few can vouch for. Made faces are simpler than people: compare groups with each other, not with real ones."
)

MATCHING = (
    "who is found? Each artist's sketch is compared with all drawn ones; by pixels, as the paper does, or by several "
    "views of a face, whose best match under small shifts, turns and sizes counts (inner: views of the inner face "
    "alone, of which all else is no part). rank n: the own person is among the "
    "n nearest, in percent. margin: how much farther the next person is than the own one, in deviations of all others' "
    "distances, on average. inner face: all but an oval from the forehead to the chin is masked, in both sketches. "
    "with so many others: drawn sketches of people who are nobody, mixed of a few hundred drawn photos, half of "
    "training people, half of made ones."
)

MEASURED = {
    "fsim": ("FSIM", "feature similarity: edges and lines in the same places"),
    "scoot": ("Scoot", "as much texture in each sixteenth; rewards any roughness, a plain grey photo's too"),
    "gradient": ("gradient", "the mean gradient over the artist's: below 1 blurred, above 1 rough; blind to where"),
    "fine": ("fine", "the energy of waves shorter than 8 pixels over the artist's; so does noise"),
    "dark": ("dark %", "pixels below 64, in percent; compare with the artist's line"),
    "texture": (
        "texture",
        "the Frechet distance of local binary patterns to the artist's: 0 is the same hand, of whomever",
    ),
    "hog": (
        "HOG 1",
        "rank 1 in percent by oriented gradients: drawn sketches search the artists', those of train/ among them",
    ),
    "lbp": ("LBP 1", "the same by local binary patterns in 7x7 regions"),
    "face": ("face 1", "rank 1 in percent by dlib's face descriptor: drawn sketches search the photos"),
}
"""Measure -> the head of its column, and what it means."""
