"""A training by two hosts, imitated by network namespaces with a wire between them. Needs root, ip and tc, MPICH."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
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

PLACES = "import os; {}; os.write(1, ('%d %d %s\\n' % ({}, os.readlink('/proc/self/ns/net'))).encode())"
"""What a process says of its world, in one piece: how many there are, how many on its host, which network it is in."""
OF_MPI = PLACES.format(
    "from mpi4py import MPI; world = MPI.COMM_WORLD",
    "world.Get_size(), world.Split_type(MPI.COMM_TYPE_SHARED).Get_size()",
)
OF_OURS = PLACES.format(
    "from pysketch.parallel import communicator; here = communicator()", "here.size, here.local_size"
)


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
        wait_for_wire(hosts)
        yield "10.77.0"
        return
    command = [sys.executable, str(ROOT / "tests" / "delayed_link.py"), f"{hosts}1", f"{hosts}2", "0.001", "1e9"]
    wire = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if wire.stdout.readline() != "ready\n":
            pytest.skip(f"no TUN devices: {wire.stderr.read().strip().splitlines()[-1]}")
        wait_for_wire(hosts)
        yield "10.78.0"
    finally:
        wire.kill()
        wire.communicate()


def wait_for_wire(hosts):
    """Until both ends are up: Linux says so up to a second after they are, and UCX passes over one that is not."""
    deadline = time.monotonic() + 10
    for k in (1, 2):
        asked = ["ip", "netns", "exec", f"{hosts}{k}", "cat", f"/sys/class/net/end{k}/operstate"]
        while (found := subprocess.check_output(asked, text=True).strip()) not in ("up", "unknown"):  # of TUN: unknown
            assert time.monotonic() < deadline, f"end{k} is {found}"
            time.sleep(0.05)


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


def places(command, program):
    """What the two processes of an mpirun say of their world, and what else is written."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*map(str, command), sys.executable, "-c", program]
    told = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60)
    return told.stdout + told.stderr


def are_two_hosts(told):
    """Whether these are two processes of one world, each alone on its host."""
    lines = {line for line in told.splitlines() if "net:[" in line}
    return len(lines) == 2 and all(line.startswith("2 1 net:[") for line in lines)


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
    told = places(there, OF_MPI)
    if not are_two_hosts(told):
        pytest.skip(f"this MPICH makes no world of two hosts of two network namespaces: {' '.join(told.split())}")
    told = places(there, OF_OURS)
    assert are_two_hosts(told), told
    solve = [sys.executable, ROOT / "tools" / "solve.py", solver_file, "--data", pairs, "--max-iter", "20"]
    solve += ["--threads", "1"]
    expected = learn([mpirun, "-n", "2", *solve], tmp_path)
    for found, wanted in zip(learn([*there, *solve], tmp_path), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
