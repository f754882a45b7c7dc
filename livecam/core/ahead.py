"""Work done beside the caller: begun early, fetched when it is needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from livecam.core.cpus import Aside

T = TypeVar("T")


class Ahead:
    """A thread for work that releases the interpreter, kept off the CPU of the thread that asks for it.

    The thread starts with the first work, and ends once nothing refers to this any more. Calls come from one thread;
    work is done in their order.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        # The thread knows this list and not this object, which could otherwise never be freed, nor the thread end.
        self._noted: list[int] = []
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=partial(_note, self._noted))
        self._aside = Aside()

    def __call__(self, work: Callable[[], T]) -> Future[T]:
        """Begin `work`; the future gives its result, or raises what it raised."""
        if self._noted:
            self._aside(self._noted[0])
        return self._threads.submit(work)


def _note(noted: list[int]) -> None:
    noted.append(threading.get_native_id())
