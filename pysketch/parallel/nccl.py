"""NCCL carries the bytes between GPUs, one process a card; MPI those between hosts' memories.

Proved here against a double that records and carries out the calls. What only cards can answer: that NCCL takes them,
that sums behind the caller's back do not wait for the stream that computes, and how fast it is.
"""

from __future__ import annotations

import logging
import platform
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from pysketch.device import Array, Device, nccl_of
from pysketch.errors import ParallelError
from pysketch.parallel.communicator import Communicator, Message

logger = logging.getLogger(__name__)


class NcclCommunicator(Communicator):
    """Processes with a GPU each: arrays on it go by NCCL, those on the host by `host`.

    An exchange is a group of sends and receives, whose order NCCL does not need to know; the sums are ours, in rank
    order. Sums that `begin_all_reduce` begins have a stream and an NCCL communicator of their own.
    """

    overlaps = True

    def __init__(self, host: Communicator, nccl: ModuleType, device: Device) -> None:
        self.rank, self.size = host.rank, host.size
        self.local_rank, self.local_size = host.local_rank, host.local_size
        self._host = host
        self._nccl = nccl
        self._device = device
        self._here = self._join()
        self._behind: Any = None
        self._stream: Any = None
        self._now = self._here

    def exchange(self, sends: list[Message], receives: list[Message]) -> None:
        """A group of ncclSend and ncclRecv on the present stream; of arrays on the host, as the hosts do it."""
        if all(self._is_on_host(array) for _, array in (*sends, *receives)):
            self._host.exchange(sends, receives)
            return
        nccl, stream = self._nccl, self._current_stream()
        nccl.groupStart()
        for call, messages in ((self._now.send, sends), (self._now.recv, receives)):
            for rank, array in messages:
                call(self._address(array), array.nbytes, nccl.NCCL_UINT8, rank, stream)
        nccl.groupEnd()

    def begin_all_reduce(self, array: Array) -> None:
        """On a stream of its own, when what was asked of the present one is done."""
        if self._is_on_host(array):
            self._host.begin_all_reduce(array)
            return
        xp = self._device.xp
        if self._stream is None:
            self._stream, self._behind = xp.cuda.Stream(non_blocking=True), self._join()
        self._stream.wait_event(xp.cuda.get_current_stream().record())
        self._now = self._behind
        try:
            with self._stream:
                self.all_reduce(array)
        finally:
            self._now = self._here

    def finish(self) -> None:
        """Let the present stream wait for the other one; the host goes on."""
        self._host.finish()
        if self._stream is not None:
            self._device.xp.cuda.get_current_stream().wait_event(self._stream.record())

    def abort(self, status: int) -> NoReturn:
        """As the hosts do it."""
        self._host.abort(status)

    def _join(self) -> Any:
        """A communicator of NCCL's for all; the first process makes its name, which the hosts pass on."""
        own = self._nccl.get_unique_id()  # bytes, or in older versions of CuPy a tuple of signed ones
        name = np.array(list(own), np.int16).astype(np.uint8)
        self._host.broadcast(name)
        values = name.tobytes() if isinstance(own, bytes) else tuple(name.view(np.int8).tolist())
        return self._nccl.NcclCommunicator(self.size, values, self.rank)

    def _is_on_host(self, array: Array) -> bool:
        return isinstance(array, np.ndarray)

    def _is_elsewhere(self, array: Array) -> bool:
        return False

    def _address(self, array: Array) -> int:
        return array.data.ptr

    def _current_stream(self) -> int:
        return self._device.xp.cuda.get_current_stream().ptr


def between_devices(communicator: Communicator, device: Device) -> Communicator:
    """The communicator for processes that work on this device: on GPUs one that knows NCCL, if CuPy has it.

    Without it arrays go by way of the host, and the log says so. ParallelError if two have the same GPU.
    """
    if communicator.size == 1 or device.kind == "cpu":
        return communicator
    nccl = nccl_of(device)
    if nccl is None:
        logger.info("This CuPy has no NCCL: what GPUs tell each other goes by way of their hosts")
        return communicator
    places = communicator.gather_texts(f"{device} of {platform.node()}")
    for place in places:
        if places.count(place) > 1:
            raise ParallelError(
                f"{places.count(place)} processes have {place}; without a number each takes its own GPU"
            )
    return NcclCommunicator(communicator, nccl, device)
