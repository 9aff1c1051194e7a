"""The peers that read ONNX: onnxruntime, OpenVINO and OpenCV. They only draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Arrays = dict[str, np.ndarray]


class OnnxRuntimePeer:
    """onnxruntime on the CPU, with all of its graph optimisations."""

    def __init__(self, model: bytes, inputs: Arrays, outputs: Sequence[str], threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.inputs, self.outputs = inputs, outputs
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def check(self) -> Arrays:
        """The outputs."""
        return dict(zip(self.outputs, self.session.run(self.outputs, self.inputs), strict=True))

    def step(self) -> None:
        """Forward."""
        self.session.run(None, self.inputs)


class OpenVinoPeer:
    """OpenVINO on the CPU with its hint for latency, in float32 (where a core has bfloat16 it would take that)."""

    def __init__(self, model: bytes, inputs: Arrays, outputs: Sequence[str], threads: int) -> None:
        import openvino

        core = openvino.Core()
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        }
        self.model = core.compile_model(core.read_model(model), "CPU", config)
        self.outputs = outputs
        self.request = self.model.create_infer_request()
        self.inputs = {name: openvino.Tensor(array, shared_memory=True) for name, array in inputs.items()}

    def check(self) -> Arrays:
        """The outputs."""
        self.step()
        return {name: self.request.get_tensor(name).data.copy() for name in self.outputs}

    def step(self) -> None:
        """Forward."""
        self.request.infer(self.inputs, share_inputs=True, share_outputs=True)


class OpenCVPeer:
    """OpenCV's dnn module: its own layers, on the CPU."""

    def __init__(self, model: bytes, inputs: Arrays, outputs: Sequence[str], threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self.inputs, self.outputs = inputs, outputs
        self.net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))

    def check(self) -> Arrays:
        """The outputs."""
        return {name: array.copy() for name, array in zip(self.outputs, self._forward(), strict=True)}

    def step(self) -> None:
        """Forward."""
        self._forward()

    def _forward(self) -> tuple[np.ndarray, ...]:
        for name, array in self.inputs.items():
            self.net.setInput(array, name)
        return self.net.forward(self.outputs)
