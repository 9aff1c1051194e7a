"""Options of layers set beside a netdef."""

from __future__ import annotations

import pytest
from solver_helpers import CONV_NET, SKETCH_NET

from pysketch.errors import NetdefError
from pysketch.layers.convolution import Convolution
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.net.settings import noted, with_settings
from pysketch.netdef.definitions import parse_netdef
from pysketch.netdef.prototxt import write
from pysketch.netdef.settings import Setting


def changed(*settings: str, text: str = SKETCH_NET):
    """The netdef, a.prototxt, with the settings."""
    return with_settings({"a": parse_netdef(text, "a.prototxt")}, [Setting(each) for each in settings])["a"]


def layer(netdef, name):
    return next(each for each in netdef.layers if each.name == name)


def refusal(*settings: str, text: str = SKETCH_NET) -> str:
    with pytest.raises(NetdefError) as error:
        changed(*settings, text=text)
    return str(error.value)


def test_an_option_of_param_str_is_set_and_the_others_stay() -> None:
    before = PhotoSketchData.read_options(layer(parse_netdef(SKETCH_NET), "data"))
    after = PhotoSketchData.read_options(layer(changed("data.hold_out=18", "data.held_out=unusual"), "data"))
    assert (after.hold_out, after.held_out) == (18, "unusual")
    assert (after.batch_size, after.scale, after.mean) == (before.batch_size, before.scale, before.mean)


@pytest.mark.parametrize("path", ["conv1.num_output", "conv1.convolution_param.num_output"])
def test_an_option_of_a_section_is_set_with_and_without_its_name(path: str) -> None:
    options = Convolution.read_options(layer(changed(f"{path}=7"), "conv1"))
    assert (options.num_output, options.kernel_h) == (7, (4,) if isinstance(options.kernel_h, tuple) else 4)
    assert Convolution.read_options(layer(changed(f"{path}=7"), "conv2")).num_output == 1


def test_messages_within_a_section_and_fields_of_every_layer_are_set() -> None:
    netdef = changed(
        "conv2.weight_filler.std=3", "loss.loss_weight=2", "conv1.param={ lr_mult: 5 }", "conv1.param.0.lr_mult=4"
    )
    assert Convolution.read_options(layer(netdef, "conv2")).weight_filler.std == 3
    assert layer(netdef, "loss").loss_weight == (2,)
    assert [each.lr_mult for each in layer(netdef, "conv1").param] == [4]


def test_a_section_that_is_not_there_is_made() -> None:
    netdef = changed("relu1.negative_slope=0.5")
    assert layer(netdef, "relu1").sections["relu_param"].fields[0].value.text == "0.5"


def test_layers_of_one_name_get_it_if_they_have_the_option_in_whatever_netdef() -> None:
    netdefs = {"a": parse_netdef(SKETCH_NET), "b": parse_netdef(SKETCH_NET), "c": parse_netdef(CONV_NET)}
    made = with_settings(netdefs, [Setting("data.batch_size=9")])
    datas = [each for netdef in made.values() for each in netdef.layers if each.name == "data"]
    assert [PhotoSketchData.read_options(each).batch_size for each in datas if each.type == "Python"] == [9, 9]
    texts = [write(each.sections[name]) for each in datas for name in each.sections if name != "python_param"]
    assert [text for text in texts if "9" in text] == ['source: "LIST"\nshuffle: true\nbatch_size: 9\n']


def test_the_longest_name_of_a_layer_counts() -> None:
    text = """
    layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 1 } } }
    layer { name: "a.b" type: "Power" bottom: "a" top: "b" }
    """
    assert "power_param" in layer(changed("a.b.scale=2", text=text), "a.b").sections


def test_the_text_says_what_was_set_and_is_read_back_the_same() -> None:
    settings = [Setting("data.hold_out=18"), Setting("conv1.num_output=7")]
    netdef = noted(changed(*(each.text for each in settings)), settings)
    assert netdef.text.startswith("# --set data.hold_out=18\n# --set conv1.num_output=7\nname: ")
    again = parse_netdef(netdef.text)
    assert PhotoSketchData.read_options(layer(again, "data")).hold_out == 18
    assert Convolution.read_options(layer(again, "conv1")).num_output == 7
    assert [(each.name, each.type, each.top) for each in again.layers] == [
        (each.name, each.type, each.top) for each in parse_netdef(SKETCH_NET).layers
    ]


def test_without_settings_the_text_stays() -> None:
    netdef = parse_netdef(SKETCH_NET)
    assert noted(with_settings({"a": netdef}, [])["a"], []).text == SKETCH_NET


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("dta.hold_out=1", 'no layer "dta" in a.prototxt; did you mean "data"?'),
        ("x.y=1", 'no layer "x" in a.prototxt; expected one of data, conv1, relu1, conv2, loss'),
        ("data.hold_ot=1", 'layer "data" (PhotoSketchData) has no option "hold_ot"; did you mean "hold_out"?'),
        ("relu1.zzz=1", 'layer "relu1" (ReLU) has no option "zzz"; it has '),
        ("conv1.num_ouput=1", 'layer "conv1" (Convolution) has no option "num_ouput"; did you mean "num_output"?'),
        ("conv1.convolution_param.gruop=1", 'layer "conv1" (Convolution) has no option "gruop"; did you mean "group"?'),
        ("conv1.weight_filler.sdt=1", 'layer "conv1": unknown field "sdt" in FillerParameter; did you mean "std"?'),
        ("data.hold_out=many", "hold_out: expected an integer from -2147483648 to 2147483647, found many"),
        (
            "conv1.param.0.lr_mult=1",
            "LayerParameter.param: expected the number of one, but there is none: param.0.NAME; "
            'in the file layer "conv1" has no param { } that could be changed; write one there',
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_told_what_there_is(setting: str, message: str) -> None:
    assert refusal(setting).startswith(f"--set {setting}: {message}")


def test_what_is_wrong_in_the_file_is_said_of_the_file() -> None:
    text = SKETCH_NET.replace('"mirror"', '"miror"')
    assert 'a.prototxt:5:5: layer "data": param_str: unknown field "miror"' in refusal("data.shift=1", text=text)
