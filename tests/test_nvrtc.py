"""Every kernel compiles with NVIDIA's own compiler for every chip we name: ours, and what CuPy writes for our calls."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nvrtc
import pytest

from pysketch.convolution.winograd import KERNELS
from pysketch.convolution.winograd_transforms import transforms
from pysketch.device.kernel import Kernel
from pysketch.solver.update_kernels import KERNELS as KERNELS_OF_RULES

ROOT = Path(__file__).parent.parent


def our_sources() -> dict[str, str]:
    """Every source of kernels in pysketch, by the name of one of them."""
    found = {}
    for path in sorted((ROOT / "pysketch").rglob("*.py")):
        if "__global__" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(
            ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        )
        kernels = [each for each in vars(module).values() if isinstance(each, Kernel)]
        found.update({each.source: each.name for each in kernels})
    found[next(iter(KERNELS_OF_RULES.values())).source] = "updates"
    found.update({transforms(r).kernels["input_tiles"].source: f"winograd_{r}" for r in KERNELS})
    return {name: source for source, name in found.items()}


SOURCES = our_sources()


def test_the_sources_are_found_and_every_global_function_in_them_is_a_kernel():
    declared = sum(source.count("__global__") for source in SOURCES.values())
    assert set(SOURCES) >= {"col2im", "finish", "channel_sums", "add_own", "updates", "winograd_5"}
    assert declared == 2 + 3 + 1 + 7 + len(KERNELS_OF_RULES) + 5 * len(KERNELS)


def compile_all(jobs: list[tuple[str, ...]]) -> set[str]:
    """What the compiler says against all of them, (source, architecture, options...), on every core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return set(pool.map(lambda job: nvrtc.errors(*job), jobs)) - {""}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "finish" else pytest.mark.slow) for name in SOURCES]
)
def test_our_kernels_compile_for_every_chip_in_both_types(name):
    """With the optimizer, which takes Winograd's kernels 1.5 s each: of sizes no shipped net has, for one chip only."""
    rare = name.startswith("winograd") and name not in ("winograd_3", "winograd_5")
    kinds = [(chip, *(["-G"] if rare else [])) for chip in nvrtc.ARCHITECTURES] + [("sm_80",)] * rare
    jobs = [(SOURCES[name], *kind, f"-Dreal={real}") for kind in kinds for real in ("float", "double")]
    assert compile_all(jobs) == set()


def test_a_mistake_is_an_error_with_its_line():
    assert "kernel.cu(2): error" in nvrtc.errors(
        "__global__ void f(real* x) {\nmissing(x);\n}", "sm_70", "-Dreal=float"
    )


@pytest.mark.on_gpu
def test_what_cupy_writes_for_our_calls_compiles(tmp_path):
    import cupy

    headers = nvrtc.include("cuda_runtime")
    if not headers:
        pytest.skip('CUDA\'s headers are not installed; pip install -e ".[nvrtc]"')
    command = [sys.executable, str(ROOT / "tests" / "cupy_sources.py"), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert run.returncode == 0, run.stderr
    sources = [
        source for source in json.loads((tmp_path / "sources.json").read_text()) if source not in SOURCES.values()
    ]
    assert len(sources) > 30
    own = Path(cupy.__file__).parent / "_core" / "include"
    folders = [own, *(own / "cupy" / "_cccl" / part for part in ("libcudacxx", "thrust", "cub")), *headers]
    options = ["--device-as-default-execution-space", "-DCUPY_CUB_VERSION_CODE=0"]
    options += [f"-I{folder}" for folder in folders]
    jobs = [(source, architecture, *options) for source in sources for architecture in nvrtc.ARCHITECTURES]
    assert compile_all(jobs) == set()
