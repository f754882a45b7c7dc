"""Work done beside the caller: begun early, fetched when it is needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from livecam.core.cpus import Aside

T = TypeVar("T")


class Ahead:
    """A thread for work that releases the interpreter, kept off the CPU of the thread that asks for it.

    The thread starts with the first work. Calls come from one thread; work is done in their order.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=self._note)
        self._aside = Aside()
        self._thread_id = 0

    def __call__(self, work: Callable[[], T]) -> Future[T]:
        """Begin `work`; the future gives its result, or raises what it raised."""
        if self._thread_id:
            self._aside(self._thread_id)
        return self._threads.submit(work)

    def _note(self) -> None:
        self._thread_id = threading.get_native_id()
