"""The layers, one file each, and the base class that they share.

A layer is a class with Caffe's four methods: setup, reshape, forward, backward. Its decorator, `register`, lets a
netdef name it; the file that is called as the layer's type is imported when a netdef has it, so that a new layer is one
new file and nothing else.

Start reading at `base`, then at a short layer such as `power`. Not layers themselves: `context` (what a net hands to
its layers), `filling` (what their params start with), `neuron` and `base_convolution` (what some have in common),
`batch_data` and `batch_order` (what data layers share), `share` (which items of a batch a layer is given), `axes`,
`labels`, `pooling_windows` and `transform` (parts), `pycaffe` (the base class of users' Python layers), `unsupported`
(what only Caffe has).
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "": ["pycaffe"],
        "axes": ["canonical_axis"],
        "base": ["LAYERS", "PYTHON", "Count", "Layer", "check_sections", "layer_class", "register", "unread_sections"],
        "batch_data": ["BatchData"],
        "context": ["Context"],
        "convolution": ["Convolution"],
        "exp": ["ln_base"],
        "filling": ["Filling"],
        "input": ["Input"],
        "photo_sketch_data": ["PhotoSketchData"],
        "relu": ["ReLU"],
        "scale": ["spread"],
        "share": ["Share"],
        "unsupported": ["UNSUPPORTED_LAYERS"],
    },
)
