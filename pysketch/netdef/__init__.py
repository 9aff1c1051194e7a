"""Caffe's text format, checked, as typed definitions.

Two steps: `prototxt` reads text into a tree of messages that know where they stand, so that every error has a line;
`options` says in tables what a message may hold, with Caffe's defaults, and gives back typed values. `definitions`
puts both together: a netdef file becomes a `NetDef` of `LayerDef`s. `upgrade` reads Caffe's old forms, `fillers` says
how params start, `settings` puts single options, given beside a file, into its tree.

Start reading at `definitions`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "definitions": [
            "AUTOMATIC",
            "BLOB_SHAPE",
            "DEPLOY",
            "LAYER",
            "NET_STATE",
            "PARAM_SPEC",
            "LayerDef",
            "NetDef",
            "Phase",
            "load_netdef",
            "netdef_of",
            "netdef_tree",
            "parse_netdef",
            "told_apart",
        ],
        "fillers": ["FILLER", "check_filler", "fill"],
        "options": ["Choice", "Kind", "Option", "Options", "Table"],
        "prototxt": ["Field", "Message", "Scalar", "load", "parse", "quote", "read_text", "write"],
        "settings": ["Setting", "put", "put_json"],
    },
)
