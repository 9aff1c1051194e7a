"""A batch's output cut into blocks, the pieces of work that are done one at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A rectangle of one image's output: rows top..bottom, columns left..right, ends excluded."""

    image: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> int:
        """Its height."""
        return self.bottom - self.top

    @property
    def cols(self) -> int:
        """Its width."""
        return self.right - self.left

    @property
    def count(self) -> int:
        """How many pixels, or tiles, it has."""
        return self.rows * self.cols


def cut(images: int, height: int, width: int, rows: int, cols: int) -> list[Block]:
    """All blocks of so many images of height x width, each of at most rows x cols and all about equally large."""
    return [
        Block(image, top, bottom, left, right)
        for image in range(images)
        for top, bottom in parts(height, rows)
        for left, right in parts(width, cols)
    ]


def cut_units(
    images: int, size: tuple[int, int], unit: tuple[int, int], rows: int, cols: int
) -> list[tuple[int, int, int, int, int]]:
    """As `cut`, in whole units (height, width) of pixels, at most rows x cols of them: what compiled kernels are told.

    (image, top, bottom, left, right) in pixels of images of this size; the last unit may hang over, the block does not.
    """
    (height, width), (high, wide) = size, unit
    blocks = cut(images, -(-height // high), -(-width // wide), rows, cols)
    return [
        (each.image, each.top * high, min(each.bottom * high, height), each.left * wide, min(each.right * wide, width))
        for each in blocks
    ]


def parts(length: int, size: int) -> list[tuple[int, int]]:
    """0..length cut into (start, stop) of at most `size`, about equally long."""
    count = -(-length // max(1, size))
    return [(length * k // count, length * (k + 1) // count) for k in range(count)]
