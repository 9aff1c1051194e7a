"""A training by two hosts, imitated by network namespaces with a wire between them. Needs root, ip and tc, MPICH."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pysketch.parallel.launch import find_mpirun
from pysketch.weights.snapshot import WeightsFile

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("mpi4py"), reason='no mpi4py: pip install -e ".[mpi]"'),
    pytest.mark.skipif(not shutil.which("tc"), reason="no ip and tc, of iproute2"),
    pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root makes network namespaces"),
]
LAUNCHER = """#!/bin/sh
# What ssh is to mpirun: options, the host, the command.
while [ "${1#-}" != "$1" ]; do shift; done
host=$1; shift
exec ip netns exec "NAME${host##*.}" sh -c "$*"
"""


def try_to(*command):
    """Run a command of root's; the test is skipped, with the reason, where that is not allowed."""
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"{' '.join(command)}: {told.stderr.strip()}")


@pytest.fixture
def hosts():
    """The name of two namespaces, without the number 1 or 2 that ends it."""
    name = f"pysketch{os.getpid()}-"
    try:
        for k in (1, 2):
            try_to("ip", "netns", "add", f"{name}{k}")
            try_to("ip", "-n", f"{name}{k}", "link", "set", "lo", "up")
        yield name
    finally:
        for k in (1, 2):
            subprocess.run(["ip", "netns", "del", f"{name}{k}"], capture_output=True)


@pytest.fixture(params=["1 Gbit/s", "1 Gbit/s, 1 ms"])
def network(request, hosts):
    """The addresses 10.x.y.1 and 10.x.y.2 of two hosts, joined by a wire of the kernel's, or by a longer one."""
    if request.param == "1 Gbit/s":
        pair = [["name", f"end{k}", "netns", f"{hosts}{k}"] for k in (1, 2)]
        try_to("ip", "link", "add", *pair[0], "type", "veth", "peer", *pair[1])
        for k in (1, 2):
            inside = ["ip", "netns", "exec", f"{hosts}{k}"]
            try_to(*inside, "ip", "addr", "add", f"10.77.0.{k}/24", "dev", f"end{k}")
            try_to(*inside, "ip", "link", "set", f"end{k}", "up")
            shaping = ["rate", "1gbit", "burst", "256kb", "latency", "50ms"]
            try_to(*inside, "tc", "qdisc", "add", "dev", f"end{k}", "root", "tbf", *shaping)
        yield "10.77.0"
        return
    command = [sys.executable, str(ROOT / "tests" / "delayed_link.py"), f"{hosts}1", f"{hosts}2", "0.001", "1e9"]
    wire = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if wire.stdout.readline() != "ready\n":
            pytest.skip(f"no TUN devices: {wire.stderr.read().strip().splitlines()[-1]}")
        yield "10.78.0"
    finally:
        wire.kill()
        wire.communicate()


def weights(path):
    with WeightsFile(path) as file:
        return [file.read(layer, k) for layer in file.layers for k in range(file.count(layer))]


def learn(command, folder):
    """What an mpirun has learned, whose files lie in this folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env=environment, cwd=folder, timeout=300
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return weights(folder / "out" / "tiny.h5")


def test_two_hosts_learn_to_the_bit_what_two_processes_of_one_do(network, hosts, solver_file, pairs, tmp_path):
    mpirun = find_mpirun()
    if "HYDRA" not in subprocess.run([mpirun, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("the launcher's options are those of MPICH's mpirun")
    launcher = tmp_path / "launcher"
    launcher.write_text(LAUNCHER.replace("NAME", hosts))
    launcher.chmod(0o755)
    one, two = f"{network}.1", f"{network}.2"
    there = ["ip", "netns", "exec", f"{hosts}1", mpirun, "-localhost", one, "-launcher", "ssh"]
    there += ["-launcher-exec", launcher, "-hosts", f"{one},{two}", "-genv", "UCX_TLS", "tcp,self"]
    there += ["-genv", "FI_PROVIDER", "tcp", "-n", "2"]
    places = "import os; from pysketch.parallel import communicator as c; here = c(); "
    places += "print(here.size, here.local_size, os.readlink('/proc/self/ns/net'))"
    told = subprocess.run([*map(str, there), sys.executable, "-c", places], capture_output=True, text=True, cwd=ROOT)
    assert len(set(told.stdout.splitlines())) == 2, told.stdout + told.stderr
    assert all(line.startswith("2 1 ") for line in told.stdout.splitlines())
    solve = [sys.executable, ROOT / "tools" / "solve.py", solver_file, "--data", pairs, "--max-iter", "20"]
    solve += ["--threads", "1"]
    expected = learn([mpirun, "-n", "2", *solve], tmp_path)
    for found, wanted in zip(learn([*there, *solve], tmp_path), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
