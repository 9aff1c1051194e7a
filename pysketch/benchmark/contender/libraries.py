"""The peers by name, and what each needs; nothing is imported for it, as a help text names them."""

LIBRARIES = {
    "torch": ("torch",),
    "torch-channels-last": ("torch",),
    "torch-compiled": ("torch",),
    "torch-frozen": ("torch",),
    "onnxruntime": ("onnxruntime", "onnx"),
    "openvino": ("openvino", "onnx"),
    "opencv": ("cv2", "onnx"),
}
"""What each peer needs: its own library first."""
