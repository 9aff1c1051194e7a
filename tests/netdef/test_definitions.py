"""Netdefs: what is read of a file, which layers a state selects, and where mistakes are said to stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import refused

from pysketch.errors import NetdefError, ShapeError
from pysketch.netdef.definitions import NetState, Phase, is_included, load_netdef, parse_netdef, told_apart
from pysketch.netdef.prototxt import parse

CONV = """name: "n"
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  param { lr_mult: 2 name: "w" }
  param { decay_mult: 0 }
  convolution_param { num_output: 3 }
}
"""


def layer_of(fields, name="x"):
    """The only layer of a netdef; its fields begin in line 1, column 9."""
    return parse_netdef(f'layer {{ name: "{name}" type: "T" {fields} }}', "a").layers[0]


def refusal(text):
    """What refuses a netdef called "a"."""
    return refused(NetdefError, parse_netdef, text, "a")


def included(rules, state):
    return is_included(layer_of(rules), state)


def test_a_layers_generic_fields_are_read_and_its_section_is_kept_unread():
    netdef = parse_netdef(CONV, "a")
    layer = netdef.layers[0]
    assert (netdef.name, netdef.filename, netdef.text) == ("n", "a", CONV)
    assert (layer.name, layer.type, layer.bottom, layer.top) == ("conv1", "Convolution", ("data",), ("conv1",))
    assert [(spec.name, spec.lr_mult, spec.decay_mult) for spec in layer.param] == [("w", 2.0, 1.0), ("", 1.0, 0.0)]
    assert layer.sections == {"convolution_param": parse("num_output: 3")}
    assert str(layer.position) == "a:2:7"


def test_what_a_layer_does_not_say_is_empty_and_its_phase_none():
    layer = layer_of("")
    assert (layer.bottom, layer.top, layer.loss_weight, layer.param, layer.propagate_down) == ((),) * 5
    assert (layer.include, layer.exclude, layer.phase, layer.sections) == ((), (), None, {})


@pytest.mark.parametrize("phase", Phase)
def test_a_layers_own_phase_is_read(phase):
    assert layer_of(f"phase: {phase.name}").phase is phase


def test_the_nets_own_switches_are_off_unless_written():
    plain, switched = parse_netdef(""), parse_netdef("force_backward: true debug_info: true")
    assert (plain.name, plain.layers, plain.force_backward, plain.debug_info) == ("", (), False, False)
    assert (switched.force_backward, switched.debug_info) == (True, True)


def test_a_netdef_file_is_read_under_its_path(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(CONV)
    netdef = load_netdef(path)
    assert (netdef.filename, netdef.text) == (str(path), CONV)
    assert str(netdef.layers[0].position) == f"{path}:2:7"


def test_a_missing_netdef_file_is_named(tmp_path):
    with pytest.raises(NetdefError, match=r"net\.prototxt: cannot be read: No such file or directory$"):
        load_netdef(tmp_path / "net.prototxt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('layer {\n  name: "x"\n  typ: "T"\n}', 'a:3:3: layer "x": unknown field "typ" in LayerParameter'),
        ('layer { name: "x" }', 'a:1:7: layer "x": required field LayerParameter.type is missing'),
        ('layer { name: "x" type: CONVOLUTION }', 'a:1:25: layer "x": LayerParameter.type: expected a quoted string'),
        (
            'layer { name: "x" type: "T" phase: "TRAIN" }',
            'layer "x": LayerParameter.phase: expected one of TRAIN, TEST',
        ),
        ('layer { name: "x" type: "T" phase: TRIAN }', "expected one of TRAIN, TEST, found TRIAN"),
        ('layer { name: "x" type: "T" top: 3 }', 'a:1:34: layer "x": LayerParameter.top: expected a quoted string'),
        ('layer { name: "x" type: "T" loss_weight: "1" top: "a" }', "LayerParameter.loss_weight: expected a decimal"),
        ('layer { name: "x" type: "T" param { lr: 1 } }', 'a:1:37: layer "x": unknown field "lr" in ParamSpec'),
        ('layer { name: "x" type: "T" include { phaze: TEST } }', 'in NetStateRule; did you mean "phase"?'),
        ('layer { name: "x" type: "T" blobs { } }', 'a:1:29: layer "x": not supported: LayerParameter.blobs'),
        ('layer { name: "x" name: "y" type: "T" }', 'a:1:19: layer "x": LayerParameter.name takes one value'),
        ("layer: 3", "a:1:8: NetParameter.layer: expected a message { ... }, found 3"),
        ('layr { name: "x" }', 'a:1:1: unknown field "layr" in NetParameter; did you mean "layer"?'),
        ("debug_info: yes", "a:1:13: NetParameter.debug_info: expected true or false, found yes"),
        ("layer {", "a:1:8: expected a field name"),
    ],
)
def test_a_wrong_field_is_said_with_its_place_its_layer_and_what_was_expected(text, message):
    assert message in refusal(text)


def test_a_layer_without_a_name_is_taken_and_messages_name_its_type():
    layer = parse_netdef('layer { type: "T" }', "a").layers[0]
    assert (layer.name, str(layer.error("wrong"))) == ("", "a:1:7: a T layer without a name: wrong")
    assert 'a:1:19: a layer without a name: unknown field "tip"' in refusal('layer { type: "T" tip: 3 }')


@pytest.mark.parametrize("name", ["conv1/7x7_s2", "/", "a b", ".", "50%"])
def test_a_name_may_hold_any_characters(name):
    assert layer_of("", name).name == name


def test_include_and_exclude_together_are_refused():
    message = refusal('layer { name: "x" type: "T" include { phase: TEST } exclude { stage: "s" } }')
    assert message == 'a:1:7: layer "x": include and exclude rules cannot be used together'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            'top: "p" top: "q" loss_weight: 1',
            'a:1:47: layer "x": loss_weight is given 1 times; expected once for each top (2) or not at all',
        ),
        (
            'bottom: "p" propagate_down: true propagate_down: false',
            'a:1:41: layer "x": propagate_down is given 2 times; expected once for each bottom (1) or not at all',
        ),
    ],
)
def test_loss_weight_and_propagate_down_are_given_for_every_blob_or_for_none(fields, message):
    assert refusal(f'layer {{ name: "x" type: "T" {fields} }}') == message


def test_a_layers_errors_stand_at_its_place_or_at_the_one_given():
    layer = parse_netdef(CONV, "a").layers[0]
    error = layer.error("does not fit", ShapeError)
    assert isinstance(error, ShapeError)
    assert str(error) == 'a:2:7: layer "conv1": does not fit'
    at = layer.sections["convolution_param"].position
    assert str(layer.error("is odd", at=at)) == 'a:9:21: layer "conv1": is odd'


def test_without_rules_a_layer_is_in_every_state():
    assert included("", NetState(Phase.TRAIN))
    assert included("", NetState(Phase.TEST, 5, ("deploy",)))


def test_an_empty_rule_fits_every_state():
    assert included("include { }", NetState(Phase.TRAIN, 3, ("s",)))
    assert not included("exclude { }", NetState(Phase.TRAIN, 3, ("s",)))


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("rule", Phase)
def test_a_phase_rule_fits_that_phase_only(phase, rule):
    assert included(f"include {{ phase: {rule.name} }}", NetState(phase)) == (phase == rule)
    assert included(f"exclude {{ phase: {rule.name} }}", NetState(phase)) == (phase != rule)


@pytest.mark.parametrize(("level", "expected"), [(1, False), (2, True), (3, True), (4, False)])
def test_levels_are_bounded_inclusively(level, expected):
    assert included("include { min_level: 2 max_level: 3 }", NetState(level=level)) == expected


def test_a_bound_of_zero_is_a_bound_when_it_is_written():
    assert not included("include { min_level: 0 }", NetState(level=-1))
    assert not included("include { max_level: 0 }", NetState(level=1))
    assert included('include { stage: "s" }', NetState(level=-1, stages=("s",)))


@pytest.mark.parametrize(
    ("stages", "expected"), [((), False), (("p",), False), (("q", "p"), True), (("p", "q", "r"), False)]
)
def test_all_stages_and_no_not_stages_of_a_rule_must_be_given(stages, expected):
    rule = 'include { stage: "p" stage: "q" not_stage: "r" }'
    assert included(rule, NetState(stages=stages)) == expected


def test_a_rule_fits_only_as_a_whole():
    rule = 'include { phase: TRAIN stage: "s" }'
    assert included(rule, NetState(Phase.TRAIN, stages=("s",)))
    assert not included(rule, NetState(Phase.TEST, stages=("s",)))
    assert not included(rule, NetState(Phase.TRAIN))


def test_of_several_rules_any_includes_and_any_excludes():
    rules = 'include { phase: TRAIN } include { stage: "s" }'
    excludes = rules.replace("include", "exclude")
    for state, fits in ((NetState(Phase.TRAIN), True), (NetState(stages=("s",)), True), (NetState(), False)):
        assert included(rules, state) == fits
        assert included(excludes, state) != fits


def test_a_state_is_the_files_own_with_stages_appended():
    netdef = parse_netdef('state { phase: TRAIN level: 3 stage: "p" }')
    assert netdef.resolve_state(Phase.TEST) == NetState(Phase.TEST, 3, ("p",))
    assert netdef.resolve_state(Phase.TRAIN, 0, ("q",)) == NetState(Phase.TRAIN, 0, ("p", "q"))


def test_without_a_state_in_the_file_level_is_zero_and_stages_are_those_given():
    assert parse_netdef("").resolve_state(Phase.TRAIN, stages=("q",)) == NetState(Phase.TRAIN, 0, ("q",))


def two_layers(rules_of_first="", rules_of_second="", names=("x", "x")):
    rules = rules_of_first, rules_of_second
    text = "\n".join(f'layer {{ name: "{n}" type: "T" {r} }}' for n, r in zip(names, rules, strict=True))
    return parse_netdef(text, "a")


def test_selecting_keeps_the_included_layers_in_order_and_all_else():
    netdef = two_layers("include { phase: TRAIN }", names=("x", "y"))
    train, test = (netdef.select(NetState(phase)) for phase in (Phase.TRAIN, Phase.TEST))
    assert [layer.name for layer in train.layers] == ["x", "y"]
    assert [layer.name for layer in test.layers] == ["y"]
    assert test.text == netdef.text


def test_two_layers_of_one_name_are_both_selected():
    assert [layer.position.line for layer in two_layers().select(NetState()).layers] == [1, 2]


def test_equal_names_are_told_apart_by_numbers_that_no_other_name_has():
    assert told_apart(["a", "b", "a", "", "a", ""]) == ["a", "b", "a#2", "", "a#3", "#2"]
    assert told_apart(["a", "a", "a#2"]) == ["a", "a#3", "a#2"]
    assert told_apart(["a#2", "a#2", "a", "a"]) == ["a#2", "a#2#2", "a", "a#3"]


def test_the_tops_that_a_netdef_gives_are_those_that_the_net_did_not_add():
    layer = layer_of('top: "a" top: "b"')
    assert layer.written_top == ("a", "b")
    assert replace(layer, top=("a", "b", "c"), automatic=1).written_top == ("a", "b")


def test_a_loss_without_a_top_may_have_a_weight():
    assert layer_of("loss_weight: 0.5").loss_weight == (0.5,)


def test_two_layers_of_one_name_may_be_in_different_phases():
    netdef = two_layers("include { phase: TRAIN }", "include { phase: TEST }")
    for phase, line in ((Phase.TRAIN, 1), (Phase.TEST, 2)):
        assert [layer.position.line for layer in netdef.select(NetState(phase)).layers] == [line]


def test_the_numbers_of_the_phases_are_caffes():
    assert (Phase.TRAIN, Phase.TEST) == (0, 1)


def test_a_solver_file_in_place_of_a_netdef_is_named_as_one():
    with pytest.raises(NetdefError) as error:
        parse_netdef('# s\ntest_iter: 3\nbase_lr: 1\nnet: "n"', "s.txt")
    expected = '"base_lr" is an option of a solver file; expected a netdef, such as the one that its net names'
    assert str(error.value) == f"s.txt:3:1: {expected}"


def test_a_stage_that_no_rule_names_is_told_with_the_nearest_or_all():
    rules = 'include { stage: "deploy" }', 'exclude { not_stage: "s" }'
    netdef = parse_netdef("".join(f'layer {{ name: "a" type: "T" {rule} }}' for rule in rules), "a.prototxt")
    assert netdef.unknown_stages(["deploy", "s"]) == []
    assert netdef.unknown_stages(["depoly", "deploy", "x"]) == [
        'a.prototxt: no layer has a rule for the stage "depoly"; did you mean "deploy"?',
        'a.prototxt: no layer has a rule for the stage "x"; stages: deploy, s',
    ]
    assert parse_netdef("", "b").unknown_stages(["x"]) == ['b: no layer has a rule for the stage "x"; stages: none']
