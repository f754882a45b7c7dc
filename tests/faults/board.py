"""What is broken just now, inside the daemon under test: told from outside by lines such as ``camera unplugged``."""

import os
import threading
import time
from typing import Final

OK: Final = "ok"


class Board:
    """The word that stands behind each part; `OK` unless told otherwise. Any thread."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._changed = threading.Condition()

    def put(self, part: str, word: str) -> None:
        """From now on `word` holds for `part`."""
        with self._changed:
            self._words[part] = word
            self._changed.notify_all()

    def word(self, part: str) -> str:
        """What holds for `part`."""
        return self._words.get(part, OK)

    def number(self, part: str) -> float:
        """The same as a number; 0 unless told otherwise."""
        word = self.word(part)
        return 0.0 if word == OK else float(word)

    def hang(self, part: str) -> None:
        """Do not return while the word of `part` stays what it is."""
        word = self.word(part)
        with self._changed:
            self._changed.wait_for(lambda: self.word(part) != word)


BOARD: Final = Board()


def listen(descriptor: int = 0) -> None:
    """Follow lines from `descriptor`, in a thread of its own, until it is closed."""
    threading.Thread(target=_follow, args=(descriptor,), name="faults", daemon=True).start()


def _follow(descriptor: int) -> None:
    # Byte by byte: nothing may be left in a buffer when the process is replaced by a new one.
    line = b""
    while byte := os.read(descriptor, 1):
        if byte != b"\n":
            line += byte
            continue
        part, _, word = line.decode().partition(" ")
        BOARD.put(part, word)
        line = b""


def pause(seconds: float) -> None:
    """Sleep, whatever was done to the clock."""
    time.sleep(seconds)
