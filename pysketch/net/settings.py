"""Options of a netdef's layers set beside the file: ``LAYER.option=value`` or ``LAYER.section.option=value``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pysketch.errors import did_you_mean
from pysketch.layers import PYTHON, Context, layer_class
from pysketch.netdef import (
    LAYER,
    Field,
    LayerDef,
    Message,
    NetDef,
    Scalar,
    Setting,
    Table,
    netdef_of,
    netdef_tree,
    put,
    put_json,
    write,
)


def with_settings(
    netdefs: Mapping[str, NetDef], settings: Sequence[Setting], context: Context | None = None
) -> dict[str, NetDef]:
    """The netdefs with what was set, checked as if it stood in them.

    A path begins with a layer's name; all layers of that name that have the option, in whatever phase and netdef, get
    the value. Then comes an option of the layer's own section or of its param_str (``data.hold_out``), a section's name
    and its option (``conv1.convolution_param.num_output``), or a field of every layer (``conv1.param.0.lr_mult``).
    The new text is what the netdef says without its comments, below a line for each setting. NetdefError for a path
    that leads nowhere: it says what there is.
    """
    made = dict(netdefs)
    for setting in settings:
        changed = {key: _changed(netdef, setting, context or Context()) for key, netdef in made.items()}
        if not any(changed.values()):
            raise setting.error(_missing(setting, made))
        made |= {key: netdef for key, netdef in changed.items() if netdef}
    return made


def noted(netdef: NetDef, settings: Sequence[Setting]) -> NetDef:
    """The netdef whose text begins with what was set, in comments."""
    return replace(netdef, text="".join(f"# --set {each.text}\n" for each in settings) + netdef.text)


PYTHON_TYPE = "Python"


@dataclass(frozen=True)
class _Home:
    """A section of a layer that has options; json: they stand in its param_str."""

    section: str
    table: Table
    json: bool = False

    def has(self, name: str) -> bool:
        return any(option.name == name for option in self.table.options)


def _changed(netdef: NetDef, setting: Setting, context: Context) -> NetDef | None:
    """The netdef with the setting, None if no layer has that name."""
    name = _layer_name(netdef, setting)
    if name is None:
        return None
    names = setting.path[len(name) + 1 :].split(".")
    tree = netdef_tree(netdef)
    messages = [each.value for each in tree.all("layer") if isinstance(each.value, Message)]
    layers = [each for each in zip(netdef.layers, messages, strict=True) if each[0].name == name]
    takers = [each for each in layers if _takes(each[0], names[0], context)] or layers[:1]
    for definition, message in takers:
        _put(definition, message, names, setting, context)
    return netdef_of(tree, write(tree), netdef.filename)


def _layer_name(netdef: NetDef, setting: Setting) -> str | None:
    """The longest layer name that the path begins with: names may have dots."""
    found = [layer.name for layer in netdef.layers if setting.path.startswith(f"{layer.name}.")]
    return max(found, key=len, default=None)


def _homes(definition: LayerDef, context: Context) -> list[_Home]:
    """The sections that the layer reads, its own first."""
    cls = layer_class(definition, context)
    python = cls.section == "python_param"
    in_json = not python and (definition.type == PYTHON_TYPE or cls.section is None)
    own = [_Home("python_param", cls.table, json=True)] if in_json else [_Home(cls.section or "", cls.table)]
    more = [_Home(section, table) for section, table in cls.more_sections.items()]
    return [*own, *more, *([_Home("python_param", PYTHON)] if in_json and definition.type == PYTHON_TYPE else [])]


def _takes(definition: LayerDef, name: str, context: Context) -> bool:
    """Whether a layer has a section or an option of this name."""
    homes = _homes(definition, context)
    of_all = any(option.name == name for option in LAYER.options)
    return of_all or any(name == home.section or home.has(name) for home in homes)


def _put(definition: LayerDef, message: Message, names: list[str], setting: Setting, context: Context) -> None:
    """Set an option of one layer, in the message tree."""
    homes = _homes(definition, context)
    if any(option.name == names[0] for option in LAYER.options):
        put(message, LAYER, names, setting, definition.where)
        return
    named = [home for home in homes if home.section == names[0]]
    if named and len(names) > 1:
        names, homes = names[1:], named
    fitting = [home for home in homes if home.has(names[0])]
    if not fitting:
        known = [option.name for home in homes for option in home.table.options]
        hint = did_you_mean(names[0], known) or f"; it has {', '.join(known) or 'none'}"
        kind = homes[0].table.name if homes[0].json else definition.type
        raise setting.error(f'{definition.where} ({kind}) has no option "{names[0]}"{hint}')
    home = fitting[0]
    section = _section(message, home.section, setting)
    if not home.json:
        put(section, home.table, names, setting, definition.where)
        return
    layer_class(definition, context).read_options(definition)  # what is wrong in the file is said of the file
    written = [each.value.text for each in section.all("param_str") if isinstance(each.value, Scalar)]
    text = put_json(written[0] if written else "", home.table, names, setting, definition.where)
    section.fields[:] = [each for each in section.fields if each.name != "param_str"]
    section.fields.append(Field("param_str", Scalar("string", text, setting.position), setting.position))


def _section(message: Message, name: str, setting: Setting) -> Message:
    """A section of a layer's message, made if it is not there."""
    for each in message.all(name):
        if isinstance(each.value, Message):
            return each.value
    made = Message(setting.position)
    message.fields.append(Field(name, made, setting.position))
    return made


def _missing(setting: Setting, netdefs: Mapping[str, NetDef]) -> str:
    """What to say of a path that begins with no layer's name."""
    known = dict.fromkeys(layer.name for netdef in netdefs.values() for layer in netdef.layers)
    files = ", ".join(dict.fromkeys(netdef.filename for netdef in netdefs.values()))
    hint = did_you_mean(setting.names[0], known) or f"; expected one of {', '.join(known)}"
    return f'no layer "{setting.names[0]}" in {files}{hint}'
