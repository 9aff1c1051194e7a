import pytest

from pysketch.benchmark.nets import Job, build
from pysketch.benchmark.work import Pass, Work, net_work
from pysketch.convolution import gemm
from pysketch.device import kernel
from pysketch.device.backend import CPU

NET = """
layer {{ name: "data" type: "Input" top: "x" input_param {{ shape {{ dim: [2, 4, 11, 9] }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "x" top: "y"
        convolution_param {{ {} weight_filler {{ type: "msra" }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "y" top: "y" }}
"""
X, IMAGES, PLENTY = 4 * 2 * 4 * 11 * 9, 2, 64 << 20


@pytest.fixture
def write(tmp_path):
    """Write the net, with a convolution's options, on a device; all of its works are those of two images."""

    def written(options, device=CPU, limit=PLENTY):
        path = tmp_path / "net.prototxt"
        path.write_text(NET.format(options))
        net, _ = build(Job(str(path), batch=IMAGES), device)
        net.context.workers.limit = limit
        return net

    return written


def passes(net, gpu=True, fused=False):
    return list(net_work(net, gpu, fused)[1].passes)


def test_a_gpu_unfolds_multiplies_and_finishes(write):
    columns, y, W = 4 * 2 * 4 * 9 * 9 * 7, 4 * 2 * 5 * 9 * 7, 4 * 5 * 4 * 9
    assert passes(write("num_output: 5 kernel_size: 3")) == [
        Pass("unfold", 0, X + columns),
        Pass("product", 2 * 2 * 5 * 4 * 9 * 9 * 7, columns + W + y),
        Pass("finish", 0, 2 * y),
    ]


def test_a_kernel_of_one_pixel_needs_no_columns(write):
    y = 4 * 2 * 5 * 11 * 9
    product = Pass("product", 2 * 2 * 5 * 4 * 11 * 9, X + 4 * 5 * 4 + y)
    assert passes(write("num_output: 5 kernel_size: 1")) == [product, Pass("finish", 0, 2 * y)]


def test_few_filters_unfold_their_outputs(write):
    columns, y, W = 4 * 2 * 1 * 9 * 11 * 9, 4 * 2 * 9 * 7, 4 * 4 * 9
    assert passes(write("num_output: 1 kernel_size: 3")) == [
        Pass("turn", 0, 2 * W),
        Pass("product", 2 * 2 * 4 * 9 * 11 * 9, X + W + columns),
        Pass("fold", 0, columns + y),
        Pass("finish", 0, 2 * y),
    ]


def test_winograd_on_a_gpu_moves_transformed_tiles(write):
    tiles, y, W = 2 * 2 * 2, 4 * 2 * 5 * 9 * 7, 4 * 5 * 4 * 9
    U, V, M = 4 * 64 * 5 * 4, 4 * 64 * 4 * tiles, 4 * 64 * 5 * tiles
    assert passes(write("num_output: 5 kernel_size: 3 engine: WINOGRAD")) == [
        Pass("kernels", 2 * (8 * 9 + 64 * 3) * 20, W + U),
        Pass("input", 2 * 1024 * 4 * tiles, X + V),
        Pass("product", 2 * 64 * 20 * tiles, U + V + M),
        Pass("output", 2 * (6 * 64 + 36 * 8) * 5 * tiles, M + y),
    ]


def test_without_bias_only_a_relu_needs_a_last_pass(write):
    net = write("num_output: 5 kernel_size: 3 bias_term: false")
    assert [each.name for each in passes(net)] == ["unfold", "product"]
    assert [each.name for each in passes(net, fused=True)] == ["unfold", "product", "finish"]


def test_groups_are_convolutions_of_their_own(write):
    (one, two), whole = (
        (work.flops, work.launches)
        for work in (
            net_work(write("num_output: 4 kernel_size: 3 group: 2"), True)[1],
            net_work(write("num_output: 4 kernel_size: 3"), True)[1],
        )
    )
    assert (one, two) == (whole[0] // 2, 2 * whole[1])


def test_on_a_cpu_a_layer_is_one_pass_and_columns_stay_in_the_caches(write):
    y, W = 4 * 2 * 5 * 9 * 7, 4 * 5 * 4 * 9
    data, conv, relu = net_work(write("num_output: 5 kernel_size: 3 engine: CAFFE"), False)
    flops = 2 * 2 * 5 * 4 * 9 * 9 * 7
    columns = 4 * 2 * 4 * 9 * 9 * 7
    assert data == Work(None, 0, ())
    assert conv == Work("CAFFE", flops, (Pass("Convolution", flops, X + W + y),), 2 * columns)
    assert relu == Work(None, 0, (Pass("ReLU", 0, 2 * y),))


def test_on_a_cpu_winograd_reads_transformed_kernels_and_does_all_but_their_transform(write):
    net = write("num_output: 5 kernel_size: 3 engine: WINOGRAD")
    on_gpu, on_cpu = (net_work(net, gpu)[1] for gpu in (True, False))
    assert on_cpu.flops == on_gpu.flops - on_gpu.passes[0].flops
    assert on_cpu.nbytes == X + 4 * 64 * 20 + 4 * 2 * 5 * 9 * 7
    assert on_cpu.cached == 2 * 4 * 64 * 9 * 8
    assert (on_cpu.engine, on_cpu.direct_flops) == ("WINOGRAD", 2 * 2 * 5 * 4 * 9 * 9 * 7)


def test_the_engine_that_nobody_named_is_the_devices(tmp_path, monkeypatch):
    monkeypatch.setattr("pysketch.layers.base_convolution.device_of", lambda xp: "cpu")
    path = tmp_path / "net.prototxt"
    path.write_text(NET.replace("[2, 4, 11, 9]", "[2, 64, 120, 120]").format("num_output: 64 kernel_size: 5"))
    net, _ = build(Job(str(path)))
    assert [net_work(net, gpu)[1].engine for gpu in (False, True)] == ["WINOGRAD", "CAFFE"]


def test_what_fused_relus_do_is_their_convolutions(write):
    net = write("num_output: 5 kernel_size: 3")
    alone, fused = net_work(net, True), net_work(net, True, fused=True)
    assert fused == [*alone[:2], Work(None, 0, ())]


def test_a_pass_takes_as_long_as_the_slower_of_operations_and_bytes():
    work = Work(None, 0, (Pass("a", 100, 1), Pass("b", 1, 60)))
    assert work.seconds(flops=10, bandwidth=20) == 100 / 10 + 60 / 20
    assert (work.flops, work.nbytes, work.launches) == (101, 61, 2)


@pytest.mark.parametrize("limit", [PLENTY, 20_000])
@pytest.mark.parametrize(
    "options",
    [
        "num_output: 5 kernel_size: 3",
        "num_output: 5 kernel_size: 1",
        "num_output: 1 kernel_size: 3",
        "num_output: 6 kernel_size: 3 group: 2 stride: 2",
        "num_output: 5 kernel_size: 3 engine: WINOGRAD",
        "num_output: 5 kernel_size: 3 bias_term: false",
    ],
)
def test_a_gpu_is_told_to_do_as_much_as_is_counted(options, limit, write, gpu, monkeypatch):
    """CuPy's own copy of turned weights is the only launch that is not ours."""
    net, launched = write(options, gpu, limit), []
    for module, name in ((gemm, "blas"), (kernel, "raw_kernel")):
        real = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *arguments, real=real, name=name: launched.append(name) or real(*arguments)
        )
    net.forward()
    counted = [each for work in net_work(net, True, fused=True) for each in work.passes if each.name != "turn"]
    assert len(launched) == sum(each.launches for each in counted) > 0
