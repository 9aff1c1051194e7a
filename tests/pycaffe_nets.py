"""A small net and its solver, as files that scripts for pycaffe read."""

DATA = """
layer { name: "data" type: "DummyData" top: "data" top: "target"
  dummy_data_param {
    shape { dim: 4 dim: 2 dim: 6 dim: 5 } shape { dim: 4 dim: 3 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
"""
INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 2 dim: 6 dim: 5 } } }'
BODY = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "score" type: "InnerProduct" bottom: "conv" top: "score"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
"""
NET = DATA + BODY + 'layer { name: "loss" type: "EuclideanLoss" bottom: "score" bottom: "target" top: "loss" }'
DEPLOY = INPUT + BODY
SOLVER = """net: "{net}" base_lr: 0.02 max_iter: 12 solver_mode: CPU snapshot_prefix: "{prefix}" display: 0
"""


def write(path, text):
    """Write a text file; its path as a script gives it."""
    path.write_text(text)
    return str(path)


def solver_file(folder, net, type="SGD", more=""):
    """A solver file for the netdef at `net`, whose snapshots go to folder/out; type None: it states none."""
    prefix = (folder / "out").as_posix()
    named = "" if type is None else f'type: "{type}" '
    return write(folder / "solver.prototxt", SOLVER.format(net=net, prefix=prefix) + named + more)
