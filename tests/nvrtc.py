"""NVIDIA's compiler NVRTC, from its wheels: `pip install -e ".[nvrtc]"`. It needs no GPU and no driver."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

import pytest

ARCHITECTURES = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


def errors(source: str, architecture: str, *options: str) -> str:
    """What the compiler says against a source; nothing if it makes machine code of it."""
    library, program = _library(), ctypes.c_void_p()
    words = [f"-arch={architecture}".encode(), b"--std=c++17", *(option.encode() for option in options)]
    library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    try:
        if library.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words)) == 0:
            return ""
        size = ctypes.c_size_t()
        library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        library.nvrtcGetProgramLog(program, text)
        return text.value.decode() or "an error without words"
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def include(wheel: str) -> list[Path]:
    """The folders of an NVIDIA wheel's headers."""
    return [folder / wheel / "include" for folder in _wheels() if (folder / wheel / "include").is_dir()]


@cache
def _library() -> ctypes.CDLL:
    for folder in _wheels():
        for path in sorted((folder / "cuda_nvrtc" / "lib").glob("libnvrtc.so.*")):
            if ".alt." not in path.name:
                return ctypes.CDLL(str(path))
    pytest.skip('NVRTC is not installed; pip install -e ".[nvrtc]"')


def _wheels() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    return [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations]
