"""Nets that everybody knows, written down from their papers in Caffe's words, with Input layers for their databases.

Each function gives a netdef's text; `size` is that of the images in pixels, `part` divides the numbers of channels.
"""

from __future__ import annotations

from collections.abc import Sequence


def layer(name: str, kind: str, bottoms: str, tops: str, more: str = "") -> str:
    """One layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{blob}"' for blob in bottoms.split()] + [f'top: "{blob}"' for blob in tops.split()]
    return f'layer {{\n  name: "{name}"\n  type: "{kind}"\n  {" ".join(blobs)}\n  {more}\n}}\n'


def images(*shapes: Sequence[int], batch: int = 2, labels: str = "label", phases: bool = True) -> str:
    """What a database gives: images and labels, for each phase its own layer of one name."""
    dims = [f"shape {{ {' '.join(f'dim: {n}' for n in (batch, *shape))} }}" for shape in shapes]
    tops = " ".join(["data", *labels.split()])
    section = f"input_param {{ {' '.join(dims)} }}"
    if not phases:
        return layer("data", "Input", "", tops, section)
    return "".join(
        layer("data", "Input", "", tops, f"{section} include {{ phase: {phase} }}") for phase in ("TRAIN", "TEST")
    )


RATES = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }"


def filler(kind: str = "xavier", bias: float = 0, **options: float) -> str:
    """The fillers of weights and bias."""
    more = " ".join(f"{name}: {value}" for name, value in options.items())
    return f'weight_filler {{ type: "{kind}" {more} }} bias_filler {{ type: "constant" value: {bias} }}'


def conv(name: str, bottom: str, out: int, kernel: int, top: str = "", more: str = "", fill: str = "") -> str:
    """A convolution; `more` holds stride, pad and group."""
    section = f"convolution_param {{ num_output: {out} kernel_size: {kernel} {more} {fill or filler()} }}"
    return layer(name, "Convolution", bottom, top or name, f"{RATES} {section}")


def full(name: str, bottom: str, out: int, fill: str = "", rates: str = RATES) -> str:
    """An inner product."""
    section = f"inner_product_param {{ num_output: {out} {fill or filler()} }}"
    return layer(name, "InnerProduct", bottom, name, f"{rates} {section}")


def relu(blob: str, name: str = "") -> str:
    """A ReLU in place."""
    return layer(name or f"relu_{blob}", "ReLU", blob, blob)


def pool(name: str, bottom: str, kind: str, kernel: int, stride: int, more: str = "") -> str:
    """A pooling layer."""
    section = f"pooling_param {{ pool: {kind} kernel_size: {kernel} stride: {stride} {more} }}"
    return layer(name, "Pooling", bottom, name, section)


def lrn(name: str, bottom: str, more: str = "local_size: 5 alpha: 0.0001 beta: 0.75") -> str:
    """A normalization."""
    return layer(name, "LRN", bottom, name, f"lrn_param {{ {more} }}")


def dropout(blob: str, ratio: float = 0.5) -> str:
    """A dropout in place."""
    return layer(f"drop_{blob}", "Dropout", blob, blob, f"dropout_param {{ dropout_ratio: {ratio} }}")


def ends(scores: str) -> str:
    """Accuracy in phase TEST, and the loss."""
    accuracy = layer("accuracy", "Accuracy", f"{scores} label", "accuracy", "include { phase: TEST }")
    return accuracy + layer("loss", "SoftmaxWithLoss", f"{scores} label", "loss")


def lenet(part: int = 1) -> str:
    """LeNet as Caffe's MNIST example has it (after LeCun et al., 1998), with ReLU."""
    return (
        'name: "LeNet"\n'
        + images((1, 28, 28), ())
        + conv("conv1", "data", 20 // part, 5)
        + pool("pool1", "conv1", "MAX", 2, 2)
        + conv("conv2", "pool1", 50 // part, 5)
        + pool("pool2", "conv2", "MAX", 2, 2)
        + full("ip1", "pool2", 500 // part)
        + relu("ip1")
        + full("ip2", "ip1", 10)
        + ends("ip2")
    )


def cifar(part: int = 1) -> str:
    """CIFAR-10, the full net: cuda-convnet's (Krizhevsky), normalised within channels."""
    text = 'name: "CIFAR10_full"\n' + images((3, 32, 32), ())
    bottom = "data"
    for k, (out, kind, std) in enumerate(((32, "MAX", 0.0001), (32, "AVE", 0.01), (64, "AVE", 0.01)), 1):
        fill = filler("gaussian", std=std)
        text += conv(f"conv{k}", bottom, out // part, 5, more="pad: 2 stride: 1", fill=fill)
        if kind == "MAX":
            text += pool(f"pool{k}", f"conv{k}", kind, 3, 2) + relu(f"pool{k}", f"relu{k}")
        else:
            text += relu(f"conv{k}", f"relu{k}") + pool(f"pool{k}", f"conv{k}", kind, 3, 2)
        bottom = f"pool{k}"
        if k < 3:
            region = "local_size: 3 alpha: 5e-05 beta: 0.75 norm_region: WITHIN_CHANNEL"
            text += lrn(f"norm{k}", bottom, region)
            bottom = f"norm{k}"
    rates = "param { lr_mult: 1 decay_mult: 250 } param { lr_mult: 2 decay_mult: 0 }"
    return text + full("ip1", bottom, 10, filler("gaussian", std=0.01), rates) + ends("ip1")


def alexnet(size: int = 227, part: int = 1, pool_first: bool = False, classes: int = 1000, tail: str = "fc8") -> str:
    """AlexNet (Krizhevsky et al., NIPS 2012); pool_first: CaffeNet, which pools before it normalises."""
    text = images((3, size, size), ())
    bottom = "data"
    plan = ((96, 11, "stride: 4", 0), (256, 5, "pad: 2 group: 2", 0.1))
    for k, (out, kernel, more, bias) in enumerate(plan, 1):
        text += conv(f"conv{k}", bottom, out // part, kernel, more=more, fill=filler("gaussian", bias, std=0.01))
        text += relu(f"conv{k}", f"relu{k}")
        steps = [lambda b, k=k: lrn(f"norm{k}", b), lambda b, k=k: pool(f"pool{k}", b, "MAX", 3, 2)]
        names = [f"norm{k}", f"pool{k}"]
        order = (1, 0) if pool_first else (0, 1)
        bottom = f"conv{k}"
        for step in order:
            text += steps[step](bottom)
            bottom = names[step]
    for k, (out, more) in enumerate(((384, ""), (384, "group: 2"), (256, "group: 2")), 3):
        text += conv(f"conv{k}", bottom, out // part, 3, more=f"pad: 1 {more}", fill=filler("gaussian", 0.1, std=0.01))
        text += relu(f"conv{k}", f"relu{k}")
        bottom = f"conv{k}"
    text += pool("pool5", bottom, "MAX", 3, 2)
    bottom = "pool5"
    for name in ("fc6", "fc7"):
        text += full(name, bottom, 4096 // part, filler("gaussian", 0.1, std=0.005)) + relu(name) + dropout(name)
        bottom = name
    return text + full(tail, bottom, classes, filler("gaussian", std=0.01))


def alexnet_with_loss(size: int = 227, part: int = 1) -> str:
    """AlexNet as it learns."""
    return 'name: "AlexNet"\n' + alexnet(size, part) + ends("fc8")


def caffenet(size: int = 227, part: int = 1) -> str:
    """CaffeNet as it learns."""
    return 'name: "CaffeNet"\n' + alexnet(size, part, pool_first=True) + ends("fc8")


def rcnn(size: int = 227, part: int = 1) -> str:
    """R-CNN (Girshick et al., CVPR 2014): CaffeNet's features and 200 classifiers' scores, no softmax."""
    text = alexnet(size, part, pool_first=True, classes=200, tail="fc-rcnn")
    return 'name: "R-CNN-ilsvrc13"\n' + images((3, size, size), labels="", phases=False) + text.split("}\n}\n", 2)[-1]


INCEPTIONS = (
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
)
"""Table 1 of the paper: 1x1, 3x3's reduction, 3x3, 5x5's reduction, 5x5, the pooling's projection."""


def _inception(name: str, bottom: str, part: int, *widths: int) -> str:
    one, reduce3, three, reduce5, five, project = (max(1, width // part) for width in widths)
    at = f"inception_{name}"
    text = ""
    for branch, source, out, kernel in (
        ("1x1", bottom, one, 1),
        ("3x3_reduce", bottom, reduce3, 1),
        ("3x3", f"{at}/3x3_reduce", three, 3),
        ("5x5_reduce", bottom, reduce5, 1),
        ("5x5", f"{at}/5x5_reduce", five, 5),
    ):
        text += conv(f"{at}/{branch}", source, out, kernel, more=f"pad: {kernel // 2}", fill=filler(bias=0.2))
        text += relu(f"{at}/{branch}", f"{at}/relu_{branch}")
    text += pool(f"{at}/pool", bottom, "MAX", 3, 1, "pad: 1")
    text += conv(f"{at}/pool_proj", f"{at}/pool", project, 1, fill=filler(bias=0.2))
    text += relu(f"{at}/pool_proj", f"{at}/relu_pool_proj")
    joined = " ".join(f"{at}/{branch}" for branch in ("1x1", "3x3", "5x5", "pool_proj"))
    return text + layer(f"{at}/output", "Concat", joined, f"{at}/output")


def _classifier(name: str, bottom: str, weight: float, classes: int) -> str:
    """A loss, which takes no top of its own in its netdef's shortest form, and the scores of phase TEST."""
    scores = f"{name}/classifier"
    text = full(scores, bottom, classes, filler())
    text += layer(f"{name}/loss", "SoftmaxWithLoss", f"{scores} label", f"{name}/loss", f"loss_weight: {weight}")
    for k in (1, 5):
        more = f"include {{ phase: TEST }} accuracy_param {{ top_k: {k} }}"
        text += layer(f"{name}/top-{k}", "Accuracy", f"{scores} label", f"{name}/top-{k}", more)
    return text


def googlenet(size: int = 224, part: int = 1, classes: int = 1000) -> str:
    """GoogLeNet (Szegedy et al., CVPR 2015), with its two auxiliary classifiers."""
    text = 'name: "GoogleNet"\n' + images((3, size, size), ())
    text += conv("conv1/7x7_s2", "data", 64 // part, 7, more="pad: 3 stride: 2", fill=filler(bias=0.2))
    text += relu("conv1/7x7_s2", "conv1/relu_7x7") + pool("pool1/3x3_s2", "conv1/7x7_s2", "MAX", 3, 2)
    text += lrn("pool1/norm1", "pool1/3x3_s2")
    text += conv("conv2/3x3_reduce", "pool1/norm1", 64 // part, 1) + relu("conv2/3x3_reduce", "conv2/relu_3x3_reduce")
    text += conv("conv2/3x3", "conv2/3x3_reduce", 192 // part, 3, more="pad: 1") + relu("conv2/3x3", "conv2/relu_3x3")
    text += lrn("conv2/norm2", "conv2/3x3") + pool("pool2/3x3_s2", "conv2/norm2", "MAX", 3, 2)
    bottom, losses = "pool2/3x3_s2", {"4a": "loss1", "4d": "loss2"}
    for name, *widths in INCEPTIONS:
        text += _inception(name, bottom, part, *widths)
        bottom = f"inception_{name}/output"
        if name in losses:
            loss = losses[name]
            text += pool(f"{loss}/ave_pool", bottom, "AVE", 5, 3)
            text += conv(f"{loss}/conv", f"{loss}/ave_pool", 128 // part, 1) + relu(f"{loss}/conv", f"{loss}/relu_conv")
            text += full(f"{loss}/fc", f"{loss}/conv", 1024 // part) + relu(f"{loss}/fc", f"{loss}/relu_fc")
            text += dropout(f"{loss}/fc", 0.7) + _classifier(loss, f"{loss}/fc", 0.3, classes)
        if name in ("3b", "4e"):
            text += pool(f"pool{int(name[0])}/3x3_s2", bottom, "MAX", 3, 2)
            bottom = f"pool{int(name[0])}/3x3_s2"
    text += pool("pool5/7x7_s1", bottom, "AVE", size // 32, 1) + dropout("pool5/7x7_s1", 0.4)
    return text + _classifier("loss3", "pool5/7x7_s1", 1, classes)


def siamese(part: int = 1) -> str:
    """Two LeNets that share every param by name, pulled together or apart (Hadsell et al., CVPR 2006)."""
    text = 'name: "mnist_siamese_train_test"\n' + images((2, 28, 28), (), labels="sim")
    text = text.replace('top: "data"', 'top: "pair_data"')
    text += layer("slice_pair", "Slice", "pair_data", "data data_p", "slice_param { slice_dim: 1 slice_point: 1 }")

    def shared(text: str, name: str) -> str:
        specs = f'param {{ name: "{name}_w" lr_mult: 1 }} param {{ name: "{name}_b" lr_mult: 2 }}'
        return text.replace(RATES, specs)

    for p in ("", "_p"):
        text += shared(conv(f"conv1{p}", f"data{p}", 20 // part, 5), "conv1")
        text += pool(f"pool1{p}", f"conv1{p}", "MAX", 2, 2)
        text += shared(conv(f"conv2{p}", f"pool1{p}", 50 // part, 5), "conv2")
        text += pool(f"pool2{p}", f"conv2{p}", "MAX", 2, 2)
        text += shared(full(f"ip1{p}", f"pool2{p}", 500 // part), "ip1") + relu(f"ip1{p}")
        text += shared(full(f"ip2{p}", f"ip1{p}", 10), "ip2") + shared(full(f"feat{p}", f"ip2{p}", 2), "feat")
    return text + layer("loss", "ContrastiveLoss", "feat feat_p sim", "loss", "contrastive_loss_param { margin: 1 }")


def autoencoder(part: int = 1) -> str:
    """A deep autoencoder (Hinton and Salakhutdinov, Science 2006), its loss counted, and the distance beside it."""
    text = 'name: "MNISTAutoencoder"\n'
    for phase, stages in (("TRAIN", ("",)), ("TEST", ("test-on-train", "test-on-test"))):
        for stage in stages:
            rule = f'include {{ phase: {phase} {f"""stage: "{stage}" """ if stage else ""}}}'
            shape = "input_param { shape { dim: 2 dim: 1 dim: 28 dim: 28 } }"
            text += layer("data", "Input", "", "data", f"{shape} {rule}")
    text += layer("flatdata", "Flatten", "data", "flatdata")
    fill = 'weight_filler { type: "gaussian" std: 1 sparse: 15 } bias_filler { type: "constant" value: 0 }'
    rates = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 1 decay_mult: 0 }"
    bottom = "flatdata"
    for half, widths in (("encode", (1000, 500, 250, 30)), ("decode", (250, 500, 1000, 784))):
        for k in range(4):
            width = widths[k] if widths[k] in (30, 784) else widths[k] // part
            name = f"{half}{k + 1}" if half == "encode" else f"decode{4 - k}"
            text += full(name, bottom, width, fill, rates)
            bottom = name
            if not (half, k) >= ("encode", 3) and (half, k) != ("decode", 3):
                text += layer(f"{name}neuron", "Sigmoid", name, f"{name}neuron")
                bottom = f"{name}neuron"
    text += layer("loss", "SigmoidCrossEntropyLoss", "decode1 flatdata", "cross_entropy_loss", "loss_weight: 1")
    text += layer("decode1neuron", "Sigmoid", "decode1", "decode1neuron")
    return text + layer("loss", "EuclideanLoss", "decode1neuron flatdata", "l2_error", "loss_weight: 0")


def fcn(size: int = 64, part: int = 8, classes: int = 21) -> str:
    """A fully convolutional net in the style of Long et al. (CVPR 2015): pad 100, a skip, deconvolutions, crops."""
    text = 'name: "fcn"\n' + images((3, size, size), (1, size, size), batch=1)
    bottom = "data"
    for k, out in enumerate((64, 128, 256, 512), 1):
        pad = "pad: 100" if k == 1 else "pad: 1"
        text += conv(f"conv{k}_1", bottom, out // part, 3, more=pad) + relu(f"conv{k}_1")
        text += pool(f"pool{k}", f"conv{k}_1", "MAX", 2, 2)
        bottom = f"pool{k}"
    text += conv("fc6", bottom, 4096 // part // 8, 7) + relu("fc6") + dropout("fc6")
    text += conv("score_fr", "fc6", classes, 1)
    bilinear = f'num_output: {classes} group: {classes} bias_term: false weight_filler {{ type: "bilinear" }}'
    text += layer(
        "upscore2",
        "Deconvolution",
        "score_fr",
        "upscore2",
        f"param {{ lr_mult: 0 }} convolution_param {{ {bilinear} kernel_size: 4 stride: 2 }}",
    )
    text += conv("score_pool3", "pool3", classes, 1)
    text += layer("score_pool3c", "Crop", "score_pool3 upscore2", "score_pool3c", "crop_param { axis: 2 offset: 5 }")
    text += layer("fuse_pool3", "Eltwise", "upscore2 score_pool3c", "fuse_pool3", "eltwise_param { operation: SUM }")
    text += layer(
        "upscore8",
        "Deconvolution",
        "fuse_pool3",
        "upscore8",
        f"param {{ lr_mult: 0 }} convolution_param {{ {bilinear} kernel_size: 16 stride: 8 }}",
    )
    text += layer("score", "Crop", "upscore8 data", "score", "crop_param { axis: 2 offset: 31 }")
    more = "loss_param { ignore_label: 255 normalize: false }"
    return text + layer("loss", "SoftmaxWithLoss", "score label", "loss", more)
