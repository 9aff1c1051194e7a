"""One contender of a race in a process of its own: ourselves, or a peer fed with a net of ours.

`child` is that process: it starts with this folder as the package ``contender``, so that a peer's process holds
nothing of pysketch, in memory or on the clock. For that reason the files here import each other relatively, and
pysketch nowhere but where the contender is pysketch. `peers` builds PyTorch, onnxruntime and OpenCV from a net's
description.

Start reading at `child`.
"""
