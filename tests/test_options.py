"""No option of a layer is read and ignored: each one changes something, is refused or is said in a warning.

The tables of the schema say which options there are, the contract's cases (CONTRACT in the layers' test files) what
they are tried on. An option that really does nothing has that in its help, and stands in NO_EFFECT.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer
from layer_cases import CASES

from pysketch.device.workers import Workers
from pysketch.errors import NetdefError, PysketchError
from pysketch.layers import filling
from pysketch.layers.base import LAYERS, PYTHON
from pysketch.layers.context import Context
from pysketch.net.settings import with_settings
from pysketch.netdef.definitions import LAYER, NET, NET_STATE, NET_STATE_RULE, PARAM_SPEC, Phase, parse_netdef
from pysketch.netdef.fillers import FILLER, fill
from pysketch.netdef.options import Choice, Kind, Option, Table
from pysketch.netdef.prototxt import parse
from pysketch.netdef.settings import Setting
from pysketch.weights.caffe_schema import message_class

NO_EFFECT = {
    *((f"{name}Parameter", "engine") for name in ("LRN", "Pooling", "ReLU", "SPP", "Sigmoid", "Softmax", "TanH")),
    ("ConvolutionParameter", "force_nd_im2col"),
    ("DataParameter", "prefetch"),
    ("PythonParameter", "share_in_parallel"),
}
"""(message, option) that change how Caffe works, and no number."""

VALUES = {
    Kind.BOOL: ("true", "false"),
    Kind.STRING: ("other", "random"),
    Kind.FLOAT: ("0.5", "2", "-1"),
    Kind.INT32: ("0", "1", "2", "3", "5"),
}
"""What an option is set to, one after the other, until something changes."""


def make_one_right(single: SingleLayer) -> None:
    """The label of the first item has the highest score."""
    single.bottom[0].data[0, :, 0] = np.arange(single.bottom[0].shape[1]) == single.bottom[1].data[0, 0]


MORE_CASES: dict[str, dict[str, Any]] = {
    "Accuracy, one of them right": {"prepare": make_one_right},
    "PhotoSketchData, in phase TEST": {"phase": Phase.TEST},
    "PhotoSketchData, some held out": {"add": '"hold_out": 2,'},
    "PhotoSketchData, some of them": {"add": '"pairs": 2,'},
}
"""What some options need to change anything."""

FOUND = [(name, cls) for name, cls in sorted(LAYERS.items()) if name != "Python"]  # what it reads names a class


def cases(name: str) -> Iterator[Case]:
    """The contract's cases of a layer type, and ours."""
    own = [case for title, case in CASES.items() if title.partition(",")[0] == name]
    yield from own
    for title, change in MORE_CASES.items():
        if title.partition(",")[0] == name:
            rest = dict(change)
            text = own[0].text.replace("param_str: '{", f"param_str: '{{ {rest.pop('add', '')}", 1)
            yield replace(own[0], text=text, **rest)


def leaves(table: Table, prefix: str = "") -> Iterator[tuple[str, Option, Table]]:
    """(path, option, its table) of all options; of a message, but for a filler, those that are in it."""
    for option in table.options:
        if isinstance(option.kind, Table) and option.kind is not FILLER:
            yield from leaves(option.kind, f"{prefix}{option.name}." + "0." * option.repeated)
        else:
            yield f"{prefix}{option.name}", option, table


def settings(option: Option) -> tuple[str, ...]:
    """Values to try."""
    if option.kind is FILLER:
        return ()
    return (
        tuple(option.kind.numbers) if isinstance(option.kind, Choice) else VALUES.get(option.kind, VALUES[Kind.INT32])
    )


class Outcomes:
    """What comes of a layer: its tops, diffs and fillers, the files it writes, what it logs, or why it is refused."""

    def __init__(self, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.caplog, self.workers = folder, caplog, Workers(1)
        self.filled: list[Any] = []

        def spy(filler: Any, *rest: Any) -> np.ndarray:
            self.filled.append([getattr(filler, option.name) for option in FILLER.options])
            return fill(filler, *rest)

        monkeypatch.setattr(filling, "fill", spy)

    def of(self, case: Case) -> object:
        """Everything, to be compared."""
        self.caplog.clear()
        self.filled.clear()
        found: list[Any] = []
        try:
            with self.caplog.at_level(logging.INFO), np.errstate(all="ignore"):
                single = case.build(self.folder, workers=self.workers)
                arrays = single.forward() + (single.everything() if case.bottoms else single.forward())
                arrays += [blob.data for blob in single.params]
                found += [(array.shape, array.tobytes()) for array in arrays]
                single.layer.close()
        except PysketchError as error:
            found.append(str(error))
        return found, list(self.caplog.messages), list(self.filled), sorted(path.name for path in self.folder.iterdir())


def changed(case: Case, path: str, option: Option) -> Iterator[Case]:
    """The case with the option set to one value after the other; refused ones are left out, they are not silent."""
    if option.kind is FILLER:
        filler = f'{path.rpartition(".")[2]} {{ type: "constant" value: 3 }}'
        texts = [case.text.replace("_param {", f"_param {{ {filler}", 1)]
    else:
        texts = []
        for value in settings(option):
            try:
                netdefs = with_settings({"": parse_netdef(case.text)}, [Setting(f"it.{path}={value}")], Context())
            except NetdefError:
                continue
            texts.append(netdefs[""].text)
    yield from (replace(case, text=text) for text in texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, _ in FOUND])
def test_every_option_of_a_layer_changes_something(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, outcomes, silent = LAYERS[name], Outcomes(tmp_path, caplog, monkeypatch), []
    before = [(case, outcomes.of(case)) for case in cases(name)]
    for section, table in {cls.section: cls.table, **cls.more_sections}.items():
        for path, option, owner in leaves(table):
            full = f"{section}.{path}" if section else path
            if (owner.name, option.name) not in NO_EFFECT and not any(
                outcomes.of(other) != found for case, found in before for other in changed(case, full, option)
            ):
                silent.append(full)
    assert silent == []


def all_tables() -> dict[str, Table]:
    """Every message that a netdef may hold, by Caffe's name."""
    found = {table.name: table for table in (LAYER, NET, NET_STATE, NET_STATE_RULE, PARAM_SPEC, PYTHON, FILLER)}
    for cls in LAYERS.values():
        for section, table in {cls.section: cls.table, **cls.more_sections}.items():
            if section:
                found |= {table.name: table, **{inner.name: inner for _, _, inner in leaves(table)}}
    return found


def test_what_has_no_effect_is_said_in_its_help() -> None:
    said = {
        (table.name, option.name)
        for table in all_tables().values()
        for option in table.options
        if "has no effect here" in option.help
    }
    assert said == NO_EFFECT


QUOTED = "'x'"
NET_LEVEL = {"input", "input_dim", "input_shape", "layers", "pysketch_netdef", "pysketch_preprocessing"}
"""Fields of a net that are rewritten before its table reads it, or stand in binary files alone."""


@pytest.mark.parametrize("name", sorted(set(all_tables()) - {"PythonParameter"}))
def test_every_field_of_caffes_message_is_an_option_or_refused_as_caffes(name: str) -> None:
    fields, table = set(message_class(name).DESCRIPTOR.fields_by_name), all_tables()[name]
    known = {option.name for option in table.options} | set(table.unsupported)
    known |= {field for field in fields if table.open_suffix and field.endswith(table.open_suffix)}
    assert fields - known == (NET_LEVEL if name == "NetParameter" else set())


def test_every_option_of_a_filler_changes_what_it_fills() -> None:
    types = ("constant", "uniform", "gaussian", "positive_unitball", "xavier", "msra", "bilinear")

    def filled(type: str, extra: str) -> bytes:
        options = FILLER.read(parse(f'type: "{type}" {extra}', "filler"))
        return fill(options, (3, 2, 4, 4), np.random.RandomState(0)).tobytes()

    for option in FILLER.options:
        if option.name != "type":
            extras = [f"{option.name}: {value}" for value in settings(option) if value not in ("0", "-1")]
            assert any(filled(type, extra) != filled(type, "") for type in types for extra in extras), option.name
    assert len({filled(type, "") for type in types}) == len(types)


def test_a_share_mode_without_a_name_is_said_to_have_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    extra = "inner_product_param { num_output: 1 } param { share_mode: PERMISSIVE }"
    make_layer(layer_text("InnerProduct", ["x"], ["y"], extra), [(2, 3)])
    assert [line.partition(": ")[2] for line in caplog.messages] == [
        'layer "it": share_mode has no effect: the param has no name'
    ]
