"""Caffe's text format, checked, as typed definitions.

Two steps: `prototxt` reads text into a tree of messages that know where they stand, so that every error has a line;
`options` says in tables what a message may hold, with Caffe's defaults, and gives back typed values. `definitions`
puts both together: a netdef file becomes a `NetDef` of `LayerDef`s. `upgrade` reads Caffe's old forms, `fillers` says
how params start, `settings` puts single options, given beside a file, into its tree.

Start reading at `definitions`.
"""

from pysketch.netdef.definitions import (
    AUTOMATIC,
    BLOB_SHAPE,
    DEPLOY,
    LAYER,
    NET_STATE,
    PARAM_SPEC,
    LayerDef,
    NetDef,
    Phase,
    load_netdef,
    netdef_of,
    netdef_tree,
    parse_netdef,
    told_apart,
)
from pysketch.netdef.fillers import FILLER, check_filler, fill
from pysketch.netdef.options import Choice, Kind, Option, Options, Table
from pysketch.netdef.prototxt import Field, Message, Scalar, load, parse, quote, read_text, write
from pysketch.netdef.settings import Setting, put, put_json

__all__ = [
    "AUTOMATIC",
    "BLOB_SHAPE",
    "DEPLOY",
    "FILLER",
    "LAYER",
    "NET_STATE",
    "PARAM_SPEC",
    "Choice",
    "Field",
    "Kind",
    "LayerDef",
    "Message",
    "NetDef",
    "Option",
    "Options",
    "Phase",
    "Scalar",
    "Setting",
    "Table",
    "check_filler",
    "fill",
    "load",
    "load_netdef",
    "netdef_of",
    "netdef_tree",
    "parse",
    "parse_netdef",
    "put",
    "put_json",
    "quote",
    "read_text",
    "told_apart",
    "write",
]
