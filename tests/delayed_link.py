"""A wire between two network namespaces that is as slow and as long as wanted: python delayed_link.py A B DELAY RATE

For kernels without tc's netem. Each namespace gets one end, a TUN device with the address 10.78.0.1 or 10.78.0.2; this
process carries the packets across, of which each comes DELAY seconds after it has left, and leaves when those before it
have, at RATE bits a second. It says "ready" and goes on until it is killed, by which the devices are gone. Needs root.
"""

from __future__ import annotations

import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

SET_DEVICE = 0x400454CA
"""TUNSETIFF of linux/if_tun.h."""
TUN_WITHOUT_HEADER = 0x1001
"""IFF_TUN and IFF_NO_PI."""
MTU = 9000
WAITING = 5000
"""Packets that an end may have in its queue."""


def open_end(namespace: str, address: str) -> int:
    """A TUN device with this address in a namespace; the file gives what is sent there, and takes what is to come."""
    name = f"end{address[-1]}"
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, SET_DEVICE, struct.pack("16sH", name.encode(), TUN_WITHOUT_HEADER))
    inside = ["ip", "-n", namespace]
    for command in (
        ["ip", "link", "set", name, "netns", namespace],
        [*inside, "addr", "add", f"{address}/24", "dev", name],
        [*inside, "link", "set", name, "mtu", str(MTU), "txqueuelen", str(WAITING), "up"],
    ):
        subprocess.run(command, check=True)
    return file


def carry(one: int, other: int, delay: float, rate: float) -> None:
    """Packets both ways, for ever."""
    ways = {one: other, other: one}
    due: dict[int, collections.deque[tuple[float, bytes]]] = {file: collections.deque() for file in ways}
    free = dict.fromkeys(ways, 0.0)
    while True:
        first = min((queue[0][0] for queue in due.values() if queue), default=None)
        wait = None if first is None else max(0.0, first - time.monotonic())
        for file in select.select(list(ways), [], [], wait)[0]:
            packet = os.read(file, MTU)
            free[file] = max(free[file], time.monotonic()) + 8 * len(packet) / rate
            due[file].append((free[file] + delay, packet))
        now = time.monotonic()
        for file, queue in due.items():
            while queue and queue[0][0] <= now:
                os.write(ways[file], queue.popleft()[1])


if __name__ == "__main__":
    ends = [open_end(namespace, f"10.78.0.{k}") for k, namespace in enumerate(sys.argv[1:3], 1)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    carry(*ends, *map(float, sys.argv[3:]))
