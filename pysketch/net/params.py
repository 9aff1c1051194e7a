"""The params of a net: every learnable array once, with its multipliers, and sharing by name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pysketch.device import Blob
from pysketch.errors import counted
from pysketch.layers import Layer
from pysketch.netdef import PARAM_SPEC, Options

logger = logging.getLogger(__name__)


@dataclass
class Param:
    """One learnable array of a net; shared params appear once, under their first owner.

    layer: its name, told apart from others of the same. given: those multipliers that a netdef's ``param`` entry
    states; the others are 1.
    """

    layer: str
    index: int
    blob: Blob
    lr_mult: float = 1.0
    decay_mult: float = 1.0
    given: set[str] = field(default_factory=set, repr=False)


def gather_params(layers: Sequence[Layer]) -> list[Param]:
    """Every param once, in net order, matched with the layers' ``param`` entries.

    Params of one name get one memory, data and diff: the first owner's. Of params with lr_mult 0 the
    layers are told (`param_propagate_down`) to compute no diff; of a layer that does not learn (`Layer.learns`) all
    have it. Where one layer states lr_mult 0 for a param that another states a rate for, the first uses the param and
    adds nothing to its diff, as a generator uses its critic's (Caffe refuses this). NetdefError for more entries than
    params or for other multipliers that disagree, ShapeError for arrays that cannot be shared.
    """
    learnable: list[Param] = []
    owners: dict[str, Param] = {}
    users: list[tuple[Layer, int, Param, bool]] = []
    for layer in layers:
        specs = layer.definition.param
        if len(specs) > len(layer.blobs):
            raise layer.error(f"{len(specs)} param entries, but the layer has {counted(len(layer.blobs), 'param')}")
        for k, blob in enumerate(layer.blobs):
            spec = specs[k] if k < len(specs) else PARAM_SPEC.defaults(layer.definition.position)
            if spec.given("share_mode") and not spec.name:
                place = f"{spec.position('share_mode')}: {layer.definition.where}"
                logger.warning("%s: share_mode has no effect: the param has no name", place)
            param = owners.get(spec.name)
            if param is None:
                param = Param(layer.definition.key or layer.name, k, blob)
                learnable.append(param)
                if spec.name:
                    owners[spec.name] = param
            else:
                _share(layer, blob, spec, param)
            _set_multipliers(layer, spec, param)
            users.append((layer, k, param, _is_frozen(spec)))
    for layer, k, param, frozen in users:
        layer.param_propagate_down[k] = param.lr_mult != 0 and not frozen
    return learnable


def fill_all_diffs(layers: Sequence[Layer]) -> None:
    """Under force_backward params with lr_mult 0 get a diff too, as in Caffe.

    Not those of a layer that only uses what another one states a rate for, nor statistics.
    """
    specs = (spec for layer in layers for spec in layer.definition.param)
    taught = {spec.name for spec in specs if spec.name and spec.given("lr_mult") and spec.lr_mult != 0}
    for layer in (layer for layer in layers if layer.learns):
        for k in range(len(layer.blobs)):
            named = layer.definition.param[k].name if k < len(layer.definition.param) else ""
            layer.param_propagate_down[k] |= named not in taught


def _share(layer: Layer, blob: Blob, spec: Options, owner: Param) -> None:
    """Give the blob its owner's memory: of the same shape, or with PERMISSIVE of the same count."""
    what = "shape" if spec.share_mode == "STRICT" else "count"
    found, expected = getattr(blob, what), getattr(owner.blob, what)
    if found != expected:
        raise layer.shape_error(f"{_who(spec, owner)}, whose {what} is {expected}; found {found}")
    blob.share_data(owner.blob)
    blob.share_diff(owner.blob)


def _set_multipliers(layer: Layer, spec: Options, param: Param) -> None:
    """Take over the multipliers that the entry states; an earlier entry must not have said otherwise."""
    if not layer.learns:
        if spec.given("lr_mult") and spec.lr_mult != 0:
            message = f"the params of a {layer.type} layer are statistics: lr_mult must be 0, found {spec.lr_mult:g}"
            raise layer.error(message, at=spec.position("lr_mult"))
        param.lr_mult = 0.0
    for multiplier in ("lr_mult", "decay_mult"):
        if not spec.given(multiplier):
            continue
        found, earlier = getattr(spec, multiplier), getattr(param, multiplier)
        if multiplier == "lr_mult" and multiplier in param.given and 0 in (found, earlier):
            param.lr_mult = found or earlier
            continue
        if multiplier in param.given and found != earlier:
            raise layer.error(
                f"{_who(spec, param)}, whose {multiplier} is {earlier:g}; found {found:g}",
                at=spec.position(multiplier),
            )
        setattr(param, multiplier, found)
        param.given.add(multiplier)


def _is_frozen(spec: Options) -> bool:
    """Whether the entry says that its layer adds nothing to the param's diff."""
    return spec.given("lr_mult") and spec.lr_mult == 0


def _who(spec: Options, owner: Param) -> str:
    return f'param "{spec.name}" is shared with layer "{owner.layer}"'
