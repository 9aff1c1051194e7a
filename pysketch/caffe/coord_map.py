"""pycaffe's `caffe.coord_map`: where a pixel of one top lies in another, for nets written with NetSpec.

A map (axis, a, b) says that pixel i of one top is pixel a i + b of another, along all axes after `axis`, the last one
that is left alone; None for a map that is the same along every axis. a and b are numbers, or arrays with one element
for each such axis. FCNs crop what they have enlarged to the size of the photo: `crop` writes that layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pysketch.caffe.net_spec import Function, Top, layers

CoordMap = tuple[int | None, Any, Any]
"""(axis, scale, shift)."""

IDENTITY: CoordMap = (None, 1, 0)

PASS_THROUGH_LAYERS = (
    *("AbsVal", "BatchNorm", "Bias", "BNLL", "Dropout", "Eltwise", "ELU", "Log", "LRN", "Exp", "MVN", "Power", "ReLU"),
    *("PReLU", "Scale", "Sigmoid", "Split", "TanH", "Threshold"),
)
"""Layers whose tops' pixels lie where their bottoms' do."""

_LEGACY = {f"{name}_{side}" for name in ("pad", "kernel", "stride") for side in "hw"}


class UndefinedMapException(Exception):
    """A layer whose top's pixels lie nowhere in its bottom."""


class AxisMismatchException(Exception):
    """Two maps of different axes cannot follow each other."""


def conv_params(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """(axis, stride, extent of the kernel with its dilation, pad) of a convolution or pooling.

    AssertionError, as in pycaffe, for the fields of a single side, such as kernel_h.
    """
    given = {**fn.params, **fn.params.get("convolution_param", {}), **fn.params.get("pooling_param", {})}
    if _LEGACY & set(given):
        raise AssertionError(f"{fn.type_name}: cropping does not support {', '.join(sorted(_LEGACY & set(given)))}")
    kernel, dilation, stride, pad = (
        np.array(given.get(name, default), ndmin=1)
        for name, default in (("kernel_size", 1), ("dilation", 1), ("stride", 1), ("pad", 0))
    )
    return given.get("axis", 1), stride, (kernel - 1) * dilation + 1, pad


def crop_params(fn: Function) -> tuple[int, np.ndarray]:
    """(first axis that is cropped, offset) of a Crop layer."""
    given = {**fn.params, **fn.params.get("crop_param", {})}
    return given.get("axis", 2), np.array(given.get("offset", 0), ndmin=1)


def coord_map(fn: Function) -> CoordMap:
    """From a pixel of the bottom to one of the top; UndefinedMapException for layers that know no places.

    Of a convolution's kernel of extent k the middle lies at i = stride o - pad + (k - 1) / 2, so that
    o = i / stride + (pad - (k - 1) / 2) / stride. A deconvolution turns that around.
    """
    if fn.params.get("global_pooling") or fn.params.get("pooling_param", {}).get("global_pooling"):
        raise UndefinedMapException(f"{fn.type_name}: global pooling leaves no places")
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, extent, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (extent - 1) / 2) / stride
    if fn.type_name == "Deconvolution":
        axis, stride, extent, pad = conv_params(fn)
        return axis, stride, (extent - 1) / 2 - pad
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return axis - 1, 1, -offset
    if fn.type_name in PASS_THROUGH_LAYERS:
        return IDENTITY
    raise UndefinedMapException(f"{fn.type_name}: its tops' pixels have no place in its bottoms")


def compose(base_map: CoordMap, next_map: CoordMap) -> CoordMap:
    """The map that does `next_map` first: a1 (a2 i + b2) + b1. AxisMismatchException if their axes differ."""
    (axis_1, a1, b1), (axis_2, a2, b2) = base_map, next_map
    if None not in (axis_1, axis_2) and axis_1 != axis_2:
        raise AxisMismatchException(f"maps of the axes after {axis_1} and after {axis_2}")
    return axis_2 if axis_1 is None else axis_1, a1 * a2, a1 * b2 + b1


def inverse(coord_map: CoordMap) -> CoordMap:
    """The way back: (i - b) / a."""
    axis, a, b = coord_map
    return axis, 1 / a, -b / a


def coord_map_from_to(top_from: Top, top_to: Top) -> CoordMap:
    """Where pixel i of `top_from` lies in `top_to`, by way of the nearest blob that both come from.

    RuntimeError if they have none in common, or a layer between them has no map.
    """
    start = dict(_maps_below(top_from))
    for top, way in _maps_below(top_to):
        if top in start:
            return compose(way, inverse(start[top]))
    raise RuntimeError("no map between the tops: no layers that keep places connect them")


def _maps_below(top: Top) -> Iterator[tuple[Top, CoordMap]]:
    """A top and all that it comes from, near ones first, as far as maps reach, each with the map from it to the top."""
    found = {top: IDENTITY}
    waiting = [top]
    for each in waiting:
        yield each, found[each]
        try:
            step = coord_map(each.fn)
        except UndefinedMapException:
            continue
        for bottom in each.fn.inputs[:1] if each.fn.type_name == "Crop" else each.fn.inputs:
            if bottom not in found:
                found[bottom] = compose(found[each], step)
                waiting.append(bottom)


def crop(top_from: Top, top_to: Top) -> Top:
    """A Crop layer that gives `top_from` the size of `top_to`, so that their pixels lie on each other.

    AssertionError, as in pycaffe, if they differ in scale, or the crop were to begin outside or between pixels.
    """
    axis, a, b = coord_map_from_to(top_from, top_to)
    a, b = np.array(a), np.array(b)
    if not (a == 1).all():
        raise AssertionError(f"scale mismatch on crop (a = {a})")
    if not (b <= 0).all():
        raise AssertionError(f"cannot crop negative width (b = {b})")
    if not (np.round(b) == b).all():
        raise AssertionError(f"cannot crop noninteger width (b = {b})")
    offset = [int(-shift) for shift in np.atleast_1d(b)]
    return layers.Crop(top_from, top_to, crop_param={"axis": (1 if axis is None else axis) + 1, "offset": offset})
