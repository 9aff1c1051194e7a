"""Scale against the plain loop: which factor each element gets, params and second bottoms."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import ShapeError

CONTRACT = {
    "Scale": Case(
        layer_text("Scale", ["a"], ["y"], "scale_param { num_axes: 2 bias_term: true }"),
        ((2, 3, 4, 5),),
        ((2, 3, 4, 5),),
    ),
    "Scale, of two": Case(
        layer_text("Scale", ["a", "b"], ["y"], "scale_param { axis: 0 }"), ((2, 3, 4), (2, 3)), ((2, 3, 4),)
    ),
    "Scale, in-place": Case(layer_text("Scale", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}

SHAPE = (2, 3, 4, 5)


def make(extra="", shapes=(SHAPE,), top="y", **options):
    names = ["a", "b"][: len(shapes)]
    return make_layer(layer_text("Scale", names, [top], f"scale_param {{ {extra} }}"), list(shapes), **options)


CASES = [
    ("", (SHAPE,), 1, (3,)),
    ("axis: 0 num_axes: 2 bias_term: true", (SHAPE,), 0, (2, 3)),
    ("axis: -2 num_axes: -1 bias_term: true", (SHAPE,), 2, (4, 5)),
    ("num_axes: 0 bias_term: true", (SHAPE,), 1, ()),
    ("axis: 0", (SHAPE, (2, 3)), 0, (2, 3)),
    ("bias_term: true", (SHAPE, (3,)), 1, (3,)),
    ("", (SHAPE, ()), 1, ()),
]


@pytest.mark.parametrize("top", ["a", "y"])
@pytest.mark.parametrize(("extra", "shapes", "axis", "factor"), CASES)
def test_it_is_the_plain_loop_forward_and_backward(extra, shapes, axis, factor, top, device):
    single = make(extra, shapes, top, device=device)
    scale = single.bottom[1] if len(shapes) == 2 else single.params[0]
    bias = single.params[-1].data if "bias_term" in extra else np.zeros(factor)
    assert scale.shape == factor
    x, s, dy = single.bottom[0].data.copy(), scale.data.copy(), np.random.default_rng(1).standard_normal(SHAPE)
    (y,) = single.forward()
    single.backward(dy)
    ds, db = np.zeros(factor), np.zeros(factor)
    for at in np.ndindex(SHAPE):
        place = at[axis : axis + len(factor)]
        np.testing.assert_allclose(y[at], s[place] * x[at] + bias[place], rtol=1e-12)
        np.testing.assert_allclose(single.bottom[0].diff[at], s[place] * dy[at], rtol=1e-12)
        ds[place] += x[at] * dy[at]
        db[place] += dy[at]
    np.testing.assert_allclose(scale.diff, ds, rtol=1e-10, atol=1e-13)
    if "bias_term" in extra:
        np.testing.assert_allclose(single.params[-1].diff, db, rtol=1e-10, atol=1e-13)


def test_it_starts_as_the_identity_or_as_the_fillers_say():
    from pysketch.net.net import Net
    from pysketch.netdef.definitions import Phase, parse_netdef

    text = 'layer { name: "i" type: "Input" top: "a" input_param { shape { dim: [1, 3, 2] } } }'
    for extra, values in (
        ("bias_term: true", [1, 0]),
        ("bias_term: true filler { value: 2 } bias_filler { value: 3 }", [2, 3]),
    ):
        net = Net(parse_netdef(text + layer_text("Scale", ["a"], ["y"], f"scale_param {{ {extra} }}")), Phase.TEST)
        assert [blob.data.tolist() for blob in net.params["it"]] == [[value] * 3 for value in values]


@pytest.mark.parametrize(
    ("extra", "shapes", "message"),
    [
        ("axis: 2 num_axes: 3", (SHAPE,), r"num_axes 3 from axis 2 on do not fit a bottom of shape \(2, 3, 4, 5\)"),
        ("axis: 4", (SHAPE,), "axis 4 is not one of a bottom"),
        ("", (SHAPE, (4,)), r"the shape \(4,\) is not that of the bottom \(2, 3, 4, 5\) from axis 1 on"),
    ],
)
def test_factors_that_do_not_fit_are_refused(extra, shapes, message):
    with pytest.raises(ShapeError, match=message):
        make(extra, shapes)


def test_only_factors_of_channels_let_images_be_drawn_in_tiles():
    assert make().layer.receptive_field() is not None
    assert make("axis: 2").layer.receptive_field() is None
    assert make("axis: 0", (SHAPE, (2, 3))).layer.receptive_field() is None
