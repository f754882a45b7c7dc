"""Where threads run: keeps a helper thread off the CPU of the thread that wakes it.

Why. In a virtual machine the Linux scheduler takes a CPU that has gone to sleep for one that was taken away
(``vcpu_is_preempted``), and so wakes a helper on the waker's own CPU, where the two take turns while another
CPU sleeps. Measured on two virtual cores at 30 frames/s: the inference step took 14.8 ms that way and 11.3 ms
with the helper aside. On bare metal the scheduler does this by itself, and the calls cost 3 us a frame.
"""

import ctypes
import os
import sys
from collections.abc import Callable


def _cpu_reader() -> Callable[[], int] | None:
    """``sched_getcpu`` of the C library, or None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_int
    read: Callable[[], int] = function
    return read


class Aside:
    """Moves a helper thread to the CPUs that its waker does not use. Does nothing but on Linux with two or more.

    The waker may move; the helper's CPUs are then chosen anew at the next call.
    """

    __slots__ = ("_allowed", "_done", "_read")

    def __init__(self) -> None:
        self._read = _cpu_reader()
        self._allowed = frozenset(os.sched_getaffinity(0)) if self._read is not None else frozenset[int]()
        self._done = (-1, -1)

    def __call__(self, helper: int) -> None:
        """Keep the thread with the native id `helper` off the CPU this is called on."""
        if self._read is None or len(self._allowed) < 2:
            return
        here = self._read()
        if (helper, here) != self._done and here in self._allowed:
            try:
                os.sched_setaffinity(helper, self._allowed - {here})
            except OSError:
                # The thread has ended, or a sandbox forbids it; where it runs is a matter of speed only.
                self._read = None
            self._done = (helper, here)
