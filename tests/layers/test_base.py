"""The base class, the registry, and the contract that every registered layer keeps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SingleLayer, layer_text, python_layer
from layer_cases import CASES, WITH_BOTTOMS, WITHOUT_BOTTOMS, build

from pysketch.device.backend import Device
from pysketch.device.blob import Blob
from pysketch.errors import DataError, NetdefError, Position, ShapeError
from pysketch.layers.base import (
    CAFFE_SECTIONS,
    LAYERS,
    Context,
    Count,
    Layer,
    check_sections,
    layer_class,
    register,
    unread_sections,
)
from pysketch.layers.python import Python
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS
from pysketch.net.net import Net
from pysketch.netdef.definitions import LayerDef, Phase, parse_netdef
from pysketch.netdef.options import Kind, Option, Table

LEARNING = [
    name
    for name in WITH_BOTTOMS
    if name.partition(",")[0] in ("Bias", "Convolution", "Deconvolution", "InnerProduct", "PReLU", "Scale")
    if "of two" not in name
]


def is_in_place(single: SingleLayer) -> bool:
    """Is a top its bottom?"""
    return any(top is bottom for top in single.top for bottom in single.bottom)


def random_diffs(single: SingleLayer) -> list[np.ndarray]:
    """A top diff of normal numbers for each top."""
    rng = np.random.default_rng(3)
    return [rng.standard_normal(blob.shape) for blob in single.top]


def backward_from(single: SingleLayer, diffs: list[np.ndarray], **options: Any) -> list[np.ndarray]:
    """Backward, and copies of the diffs of all bottoms that can have one."""
    single.backward(*diffs, **options)
    return [single.bottom[k].diff.copy() for k in single.differentiable]


@pytest.fixture(autouse=True)
def _forget_what_tests_register_and_import() -> Iterator[None]:
    before = dict(LAYERS)
    yield
    LAYERS.clear()
    LAYERS.update(before)


def test_every_registered_layer_has_a_case() -> None:
    """Each stands in CONTRACT of the layer's own test file."""
    assert {name.partition(",")[0] for name in CASES} == set(LAYERS)


def test_every_registered_layer_that_may_be_in_place_has_a_case_that_is() -> None:
    """Called "Type, in-place": a backward that looks at the x that is lost is wrong there and right elsewhere.

    But for those that in-place do what Caffe does, whatever their options: their own test files say what that is.
    """
    in_place = {name.partition(",")[0] for name in CASES if "in-place" in name}
    assert {name for name, layer in LAYERS.items() if layer.in_place} - in_place == {"Eltwise", "LRN"}


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_of_the_layer_it_is_named_after(name: str, tmp_path: Path) -> None:
    assert type(build(name, tmp_path).layer) is LAYERS[name.partition(",")[0]]


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CASES)
def test_the_inferred_shape_is_the_real_shape(name: str, dtype: type, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, dtype=dtype, device=device)
    assert tuple(blob.shape for blob in single.top) == CASES[name].tops
    tops = single.forward()
    assert tuple(top.shape for top in tops) == CASES[name].tops
    assert {top.dtype for top in tops} <= {np.dtype(dtype)}
    assert all(np.isfinite(top).all() for top in tops)


@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_gradients_agree_with_centred_differences(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    compared = single.check_gradients(kink=CASES[name].kink)
    assert compared == sum(blob.count for blob in (*(single.bottom[k] for k in single.differentiable), *single.learned))


@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_forward_leaves_its_bottoms_and_params_as_they_were(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    kept = [*single.learned, *(blob for blob in single.bottom if not any(blob is top for top in single.top))]
    before = [blob.data.copy() for blob in kept]
    single.forward()
    for blob, data in zip(kept, before, strict=True):
        np.testing.assert_array_equal(blob.data, data)
    assert len(kept) == len(single.learned) + len(single.bottom) - is_in_place(single)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_forward_does_the_same_again(name: str, tmp_path: Path) -> None:
    single = build(name, tmp_path)
    bottoms = [blob.data.copy() for blob in single.bottom]
    first = single.forward()
    for blob in {id(blob): blob for blob in single.top}.values():
        if not any(np.shares_memory(blob.data, bottom.data) for bottom in single.bottom):
            blob.data[...] = 99  # what stood there before must not count
    for blob, data in zip(single.bottom, bottoms, strict=True):
        blob.data[...] = data
    for once, again in zip(first, single.forward(), strict=True):
        np.testing.assert_array_equal(again, once)


@pytest.mark.parametrize("name", [name for name in CASES if "in-place" in name])
def test_in_place_it_gives_the_same(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    assert is_in_place(single)
    case = CASES[name]
    apart = replace(case, text=re.sub(r'top: "\w+"', 'top: "apart"', case.text))
    for one, other in zip(single.everything(), apart.build(tmp_path, device=device).everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_backward_leaves_all_data_as_they_were(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    single.forward()
    blobs = [*single.bottom, *single.top, *single.params]
    before = [blob.data.copy() for blob in blobs]
    single.backward(*random_diffs(single))
    for blob, data in zip(blobs, before, strict=True):
        np.testing.assert_array_equal(blob.data, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WITH_BOTTOMS if name != "Silence"])
def test_two_backward_calls_give_twice_the_params_diffs_and_the_same_bottom_diffs(
    name: str, tmp_path: Path, device: Device
) -> None:
    single = build(name, tmp_path, device=device)
    single.forward()
    diffs = random_diffs(single)
    first = backward_from(single, diffs)
    once = [blob.diff.copy() for blob in single.learned]
    second = backward_from(single, diffs)
    for before, after in zip(first, second, strict=True):
        assert before.any()
        np.testing.assert_array_equal(after, before)
    for before, blob in zip(once, single.learned, strict=True):
        assert before.any()
        np.testing.assert_allclose(blob.diff, 2 * before, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in WITH_BOTTOMS if "in-place" not in name])
def test_propagate_down_is_obeyed_for_each_bottom_and_for_none(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    single.forward()
    diffs = random_diffs(single)
    everything = backward_from(single, diffs)
    for wanted in (*single.differentiable, None):
        for blob in single.bottom:
            blob.diff[...] = 7
        found = backward_from(single, diffs, propagate_down=[k == wanted for k in range(len(single.bottom))])
        for k, diff, whole in zip(single.differentiable, found, everything, strict=True):
            np.testing.assert_array_equal(diff, whole if k == wanted else np.full(diff.shape, 7.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_twice_the_top_diff_gives_twice_the_gradient(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    single.forward()
    diffs = random_diffs(single)
    once = backward_from(single, diffs)
    twice = backward_from(single, [2 * diff for diff in diffs])
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_allclose(two, 2 * one, rtol=1e-12)


@pytest.mark.parametrize("name", LEARNING)
def test_params_that_are_not_learned_keep_their_diffs(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    single.forward()
    for learned in itertools.product([False, True], repeat=len(single.params)):
        single.layer.param_propagate_down[:] = learned
        for blob in single.params:
            blob.diff[...] = 7
        single.backward(*random_diffs(single))
        assert [bool((blob.diff != 7).any()) for blob in single.params] == list(learned)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_a_batch_of_another_size_just_works(name: str, tmp_path: Path, device: Device) -> None:
    """Every item of a larger batch comes out as in a layer that was made for the larger batch."""
    single = build(name, tmp_path, device=device)
    single.forward()
    single.backward(*random_diffs(single))
    case = CASES[name]
    larger = tuple((shape[0] + 1, *shape[1:]) for shape in case.bottoms)
    made_larger = build(name, tmp_path, larger, device=device)
    for blob, other in zip(single.bottom, made_larger.bottom, strict=True):
        blob.reshape(other.shape)
        blob.data[...] = other.data
    for blob, other in zip(single.params, made_larger.params, strict=True):
        blob.data[...] = other.data
    for top, right in zip(single.forward(), made_larger.forward(), strict=True):
        np.testing.assert_array_equal(top, right)
    diffs = random_diffs(single)
    for diff, right in zip(backward_from(single, diffs), backward_from(made_larger, diffs), strict=True):
        np.testing.assert_array_equal(diff, right)


@pytest.mark.parametrize("name", [name for name in WITH_BOTTOMS if not LAYERS[name.partition(",")[0]].mixes_batch])
def test_a_layer_that_does_not_mix_the_batch_treats_each_item_by_itself(
    name: str, tmp_path: Path, device: Device
) -> None:
    """What mixes_batch promises: micro-batches rely on it."""
    single = build(name, tmp_path, device=device)
    bottoms = [blob.data.copy() for blob in single.bottom]
    whole = single.forward()
    for blob, data in zip(single.bottom, bottoms, strict=True):
        blob.reshape(1, *data.shape[1:])
        blob.data[...] = data[1:2]
    for top, right in zip(single.forward(), whole, strict=True):
        np.testing.assert_allclose(top, right[1:2], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", WITH_BOTTOMS)
def test_a_layer_sees_no_more_of_its_bottoms_than_it_says(name: str, tmp_path: Path) -> None:
    """What receptive_field promises: drawing in tiles relies on it."""
    single = build(name, tmp_path)
    fields = single.layer.receptive_field()
    if fields is None:
        return
    bottoms = [blob.data.copy() for blob in single.bottom]
    before = single.forward()
    changes = 0
    for axis, sight in ((-2, fields[0]), (-1, fields[1])):
        for place in range(min(data.shape[axis] for data in bottoms)):
            for blob, data in zip(single.bottom, bottoms, strict=True):
                changed = np.moveaxis(blob.data, axis, -1)
                changed[...] = np.moveaxis(data, axis, -1)
                changed[..., place] *= -2
            for old, new in zip(before, single.forward(), strict=True):
                moved = np.moveaxis(abs(new - old) > 1e-9, axis, -1)
                found = np.flatnonzero(moved.any(axis=tuple(range(moved.ndim - 1))))
                assert [o for o in found if place not in range(*sight.seen_range(o, o + 1))] == []
                changes += len(found)
    assert changes


@pytest.mark.parametrize("name", [name for name in WITHOUT_BOTTOMS if name != "Input"])
def test_a_data_layer_resumed_from_its_state_goes_on_with_the_same_batches(
    name: str, tmp_path: Path, device: Device
) -> None:
    single = build(name, tmp_path, device=device)
    resumed = build(name, tmp_path, device=device)
    single.forward()
    state = single.layer.state()
    second = single.forward()
    resumed.layer.restore_state(state)
    for top, right in zip(resumed.forward(), second, strict=True):
        np.testing.assert_array_equal(top, right)


@pytest.mark.parametrize("name", WITHOUT_BOTTOMS)
def test_a_layer_without_bottoms_has_nothing_to_do_backward(name: str, tmp_path: Path, device: Device) -> None:
    single = build(name, tmp_path, device=device)
    tops = single.forward()
    single.backward(*tops)
    for blob, data in zip(single.top, tops, strict=True):
        np.testing.assert_array_equal(blob.data, data)


@pytest.mark.parametrize("name", CASES)
def test_options_are_declared_with_their_message(name: str) -> None:
    """A section, if there is one, is Caffe's; every class says what it is in a docstring."""
    cls = LAYERS[name.partition(",")[0]]
    assert cls.section is None or cls.section in CAFFE_SECTIONS
    assert cls.type == name.partition(",")[0]
    assert cls.__doc__


def definition(text: str) -> LayerDef:
    """The first layer of a text."""
    return parse_netdef(text, "net.prototxt").layers[0]


class Plain(Layer):
    """Nothing but a shape."""

    tops = Count(1, 2)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        top[0].reshape(bottom[0].shape)


def plain(extra: str = "", phase: Phase = Phase.TEST, context: Context | None = None) -> Plain:
    """A Plain layer called "p"."""
    return Plain(
        definition(f'layer {{ name: "p" type: "Plain" bottom: "x" top: "y" {extra} }}'), context or Context(), phase
    )


@pytest.mark.parametrize(
    ("count", "right", "wrong", "text"),
    [
        (Count(0), [0], [1], "0"),
        (Count(2), [2], [0, 1, 3], "2"),
        (Count(1, 3), [1, 2, 3], [0, 4], "1 to 3"),
        (Count(1, None), [1, 2, 99], [0], "1 or more"),
    ],
)
def test_a_count_allows_so_many_blobs_and_says_so(count: Count, right: list[int], wrong: list[int], text: str) -> None:
    assert all(count.allows(n) for n in right)
    assert not any(count.allows(n) for n in wrong)
    assert str(count) == text


@pytest.mark.parametrize(
    ("blobs", "message"),
    [
        ('top: "y"', "a Plain layer takes 1 bottom blob, found 0"),
        ('bottom: "a" bottom: "b" top: "y"', "a Plain layer takes 1 bottom blob, found 2"),
        ('bottom: "a"', "a Plain layer takes 1 to 2 top blobs, found 0"),
    ],
)
def test_wrong_numbers_of_blobs_are_refused_with_the_place(blobs: str, message: str) -> None:
    with pytest.raises(NetdefError) as caught:
        Plain(definition(f'layer {{ name: "p" type: "Plain" {blobs} }}'), Context())
    assert str(caught.value) == f'net.prototxt:1:7: layer "p": {message}'


def test_a_class_without_a_type_goes_by_its_name_and_its_subclass_by_the_type_it_inherits() -> None:
    class Typed(Plain):
        type = "Special"

    class Untyped(Typed):
        pass

    assert (Layer.type, Plain.type, Typed.type, Untyped.type) == ("", "Plain", "Special", "Special")


@pytest.mark.parametrize(("extra", "phase"), [("", Phase.TEST), ("phase: TRAIN", Phase.TRAIN)])
def test_the_layers_own_phase_wins_over_the_nets(extra: str, phase: Phase) -> None:
    assert plain(extra, phase=Phase.TEST).phase is phase


def test_a_layer_that_does_not_say_how_has_no_reshape_and_no_forward() -> None:
    class Bare(Layer):
        pass

    layer = Bare(definition('layer { name: "b" type: "Bare" bottom: "x" top: "y" }'), Context())
    with pytest.raises(NotImplementedError, match="Bare has no reshape"):
        layer.reshape([Blob()], [Blob()])
    with pytest.raises(NotImplementedError, match="Bare has no forward"):
        layer.forward([Blob()], [Blob()])


def test_a_layer_without_a_backward_refuses_to_propagate_down() -> None:
    layer = plain()
    layer.backward([Blob()], [False], [Blob()])
    with pytest.raises(NetdefError, match='layer "p": a Plain layer cannot propagate down to its bottoms'):
        layer.backward([Blob()], [True], [Blob()])


def test_most_layers_have_no_state() -> None:
    layer = plain()
    assert layer.state() == {}
    layer.restore_state({})


def test_a_param_takes_the_nets_dtype_and_starts_with_its_values() -> None:
    layer = plain(context=Context(dtype=np.float64))
    blob = layer.add_param(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert layer.blobs == [blob]
    assert layer.param_propagate_down == [True]
    assert blob.data.dtype == np.float64
    assert blob.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not blob.diff.any()


def test_a_generator_depends_on_seed_layer_purpose_and_number_and_on_nothing_else() -> None:
    def numbers(seed: int, name: str, purpose: str, number: int) -> tuple[float, ...]:
        text = f'layer {{ name: "{name}" type: "Plain" bottom: "x" top: "y" }}'
        return tuple(Plain(definition(text), Context(seed=seed)).generator(purpose, number).random(3))

    calls = [
        (0, "p", "order", 0),
        (1, "p", "order", 0),
        (0, "q", "order", 0),
        (0, "p", "shift", 0),
        (0, "p", "order", 1),
    ]
    assert len({numbers(*call) for call in calls}) == len(calls)
    assert [numbers(*call) for call in calls] == [numbers(*call) for call in calls]


def test_an_error_says_where_the_layer_or_the_option_stands() -> None:
    layer = plain()
    assert str(layer.error("odd")) == 'net.prototxt:1:7: layer "p": odd'
    assert str(layer.error("odd", at=Position("net.prototxt", 3, 9))) == 'net.prototxt:3:9: layer "p": odd'
    assert isinstance(layer.error("odd"), NetdefError)
    assert isinstance(layer.error("odd", DataError), DataError)
    assert isinstance(layer.shape_error("odd"), ShapeError)


def test_a_registered_class_is_found_by_its_type() -> None:
    @register
    class Doubled(Plain):
        type = "Doubled"

    assert layer_class(definition('layer { name: "d" type: "Doubled" }'), Context()) is Doubled


@pytest.mark.parametrize(("type", "near"), UNSUPPORTED_LAYERS.items())
def test_a_type_that_only_caffe_has_is_not_supported_and_what_is_near_is_named(type: str, near: str) -> None:
    with pytest.raises(NetdefError) as caught:
        layer_class(definition(f'layer {{ name: "d" type: "{type}" }}'), Context())
    assert str(caught.value) == (
        f'net.prototxt:1:7: layer "d": not supported: layer type "{type}" (Caffe has it); near: {near}'
    )


def test_a_layer_that_only_caffe_has_may_stand_in_another_phase_with_its_section() -> None:
    text = 'layer { name: "d" type: "LSTM" top: "x" include { phase: TRAIN } recurrent_param { num_output: 3 } }'
    Net(parse_netdef(text), Phase.TEST)
    with pytest.raises(NetdefError, match='layer "d": not supported: layer type "LSTM"'):
        Net(parse_netdef(text), Phase.TRAIN)


def test_an_unknown_type_is_refused_with_a_near_one_and_all_that_are_known() -> None:
    with pytest.raises(NetdefError) as caught:
        layer_class(definition('layer { name: "c" type: "Convolutoin" }'), Context())
    assert str(caught.value) == (
        'net.prototxt:1:7: layer "c": unknown layer type "Convolutoin"; did you mean "Convolution"?; '
        f"known types: {', '.join(sorted(LAYERS))}"
    )


def test_python_stands_for_the_class_that_it_names() -> None:
    text = python_layer("ReLU", ["x"])
    assert layer_class(definition(text), Context()) is LAYERS["ReLU"]
    assert LAYERS["Python"] is Python


@pytest.mark.parametrize("type", ["Python", "Gain"])
def test_the_param_str_of_a_layer_without_a_section_is_read_as_json_by_the_layers_own_table(type: str) -> None:
    class Gain(Plain):
        table = Table("Gain", (Option("gain", Kind.FLOAT, 1.0),))

    text = layer_text(type, ["x"], ["y"], "python_param { param_str: '{ \"gain\": 2.5 }' }")
    assert Gain(definition(text), Context()).options.gain == 2.5
    with pytest.raises(NetdefError, match='layer "it": param_str: unknown field "gian" in Gain; did you mean "gain"'):
        Gain(definition(text.replace("gain", "gian")), Context())


SECTIONED = 'layer {{ name: "s" type: "ReLU" bottom: "x" top: "y" {} {{ }} }}'


def test_sections_of_known_layers_are_accepted() -> None:
    check_sections(definition(SECTIONED.format("relu_param")))
    check_sections(definition(SECTIONED.format("input_param")))  # another layer's, as Caffe allows


@pytest.mark.parametrize("section", ["recurrent_param", "window_data_param"])
def test_sections_that_only_caffe_knows_are_accepted(section: str) -> None:
    check_sections(definition(SECTIONED.format(section)))


def test_what_is_required_of_a_section_is_required_only_of_the_layer_that_reads_it() -> None:
    text = SECTIONED.format("convolution_param").replace("{ }", "{ kernel_size: 0 }")
    check_sections(definition(text))
    with pytest.raises(NetdefError, match=r"num_output is missing|kernel_size: expected at least 1"):
        check_sections(definition(text.replace("ReLU", "Convolution")))
    with pytest.raises(NetdefError, match='unknown field "kernal_size" in ConvolutionParameter'):
        check_sections(definition(text.replace("kernel", "kernal")))


def test_of_a_layer_that_only_caffe_has_no_section_is_looked_into() -> None:
    """Its type is what is wrong with it, wherever it is used: an LSTM's sections are no mistakes."""
    check_sections(definition('layer { name: "s" type: "LSTM" convolution_param { kernel_size: 3 } }'))
    with pytest.raises(NetdefError, match='unknown field "recurent_param"'):
        check_sections(definition('layer { name: "s" type: "LSTM" recurent_param { } }'))


def test_what_stands_in_sections_that_the_layer_does_not_read_is_named() -> None:
    text = 'layer { name: "s" type: "ReLU" relu_param { } data_param { source: "x" batch_size: 3 } tanh_param { } }'
    assert unread_sections(definition(text), LAYERS["ReLU"]) == "data_param (source, batch_size) and tanh_param"
    loss = 'layer { name: "s" type: "SoftmaxWithLoss" softmax_param { } loss_param { } }'
    assert unread_sections(definition(loss), LAYERS["SoftmaxWithLoss"]) == ""
    python = python_layer("ReLU", ["x"])
    assert unread_sections(definition(python), LAYERS["ReLU"]) == ""
    assert unread_sections(definition(python.replace('"Python"', '"ReLU"')), LAYERS["ReLU"]).startswith("python_param")


def test_sections_that_nobody_knows_are_refused_with_a_near_one() -> None:
    with pytest.raises(NetdefError, match=r'layer "s": unknown field "rely_param" in .*; did you mean "relu_param"\?'):
        check_sections(definition(SECTIONED.format("rely_param")))


def test_mistakes_in_a_section_are_found_whatever_the_layers_phase() -> None:
    text = SECTIONED.format("relu_param").replace("{ }", "{ slope: 1 }").replace("top:", "include { phase: TEST } top:")
    with pytest.raises(NetdefError, match='unknown field "slope" in ReLUParameter'):
        check_sections(definition(text))
