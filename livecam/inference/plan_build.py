"""Has a plan built by a process of its own, with progress, and ends that process at once when told to."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import IO, Final

from livecam.errors import EngineError
from livecam.inference.model import Model
from livecam.inference.plan_file import PAYLOAD_LIMIT, Sealed
from livecam.inference.plan_request import Request, key_of
from livecam.inference.plans import BUILD_LIMIT_S, Made, PlanCache
from livecam.inference.progress import Progress, Silent

log = logging.getLogger(__name__)

# -P: what lies in the present folder must not be taken for a module.
COMMAND: Final = (sys.executable, "-P", "-m", "livecam.inference.plan_child")

_POLL_S: Final = 0.02
_LINE_LIMIT: Final = 1 << 18
_END_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How a build is watched.

    Attributes:
        cancel: Set it to end the build at once.
        limit_s: The longest it may take.
        command: What is started; tests start something else.
    """

    cancel: threading.Event
    limit_s: float = BUILD_LIMIT_S
    command: Sequence[str] = COMMAND


def obtain_plan(
    cache: PlanCache, request: Request, model: Model, version: str, progress: Progress, terms: Terms
) -> Sealed:
    """The verified plan for `request`: from the cache, or built and kept.

    Args:
        cache: Of plans.
        request: What is wanted.
        model: Its recipe.
        version: Of the TensorRT that is installed, exact.
        progress: Told while it is built.
        terms: How the build is watched.

    Raises:
        EngineError: It cannot be built or was cancelled.
    """
    key, asked = key_of(request, model, version), replace(request, plans=str(cache.folder.absolute()))
    return cache.obtain(key, lambda: build_in_child(asked, progress, terms), terms.limit_s)


def build_in_child(request: Request, progress: Progress | None = None, terms: Terms | None = None) -> Made:
    """Build the plan that `request` asks for. `progress` is told in this thread.

    Ctrl-C, `Terms.cancel` and the end of this process, whatever its cause, end the build within a moment.

    Raises:
        EngineError: It cannot be built, took too long, or was cancelled.
    """
    held = terms or Terms(threading.Event())
    began = time.monotonic()
    with _started(held) as child, _watched(child, held) as why:
        try:
            _ask(child, request)
            made = _listen(child, progress or Silent())
        except (OSError, ValueError, RecursionError) as error:
            # Killed in the middle of a word, or broken.
            raise EngineError(*(why or [f"The build of {request.model} said nothing sensible: {error}."])) from error
        if made is None:
            raise EngineError(*(why or [_death(child)]))
    log.info("Built a plan of %s in %.1f s: %d bytes.", request.model, time.monotonic() - began, len(made[0]))
    return made


class _Child:
    """A running build.

    Args:
        process: With pipes for what is asked and told.
        errors: What it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.asked, self.told, self._errors = process, process.stdin, process.stdout, errors

    def last_words(self) -> str:
        """The last line it printed."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""


@contextmanager
def _started(terms: Terms) -> Iterator[_Child]:
    with ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile())
        try:
            process = subprocess.Popen(
                list(terms.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Ctrl-C is for us: we end it, and it must not print a traceback meanwhile.
                start_new_session=os.name != "nt",
            )
        except OSError as error:
            raise EngineError(f"The build cannot be started: {error.strerror}.") from error
        child = _Child(process, errors)
        stack.callback(process.wait, _END_S)
        stack.callback(child.told.close)
        stack.callback(_close, child)
        stack.callback(process.kill)
        yield child


def _close(child: _Child) -> None:
    try:
        child.asked.close()
    except OSError:
        # It was dead before it had read what it was asked.
        return


@contextmanager
def _watched(child: _Child, terms: Terms) -> Iterator[list[str]]:
    """Kill the child when it is cancelled or takes too long. Gives a list, which then holds why."""
    why: list[str] = []
    over = threading.Event()
    deadline = time.monotonic() + terms.limit_s

    def watch() -> None:
        while not over.wait(_POLL_S):
            if terms.cancel.is_set():
                why.append("The build was cancelled.")
            elif time.monotonic() > deadline:
                why.append(f"The build took longer than {terms.limit_s:.0f} s and was ended.")
            if why:
                child.process.kill()
                return

    watcher = threading.Thread(target=watch, name="plan-build-watch")
    watcher.start()
    try:
        yield why
    finally:
        over.set()
        watcher.join()


def _ask(child: _Child, request: Request) -> None:
    try:
        child.asked.write(request.text().encode() + b"\n")
        child.asked.flush()
    except BrokenPipeError:
        # It died at once; what it printed says why.
        log.debug("The build ended before it was told what to do.")


def _listen(child: _Child, progress: Progress) -> Made | None:
    """The plan; None when the child ended before it was whole.

    Raises:
        EngineError: The child told why it failed.
        ValueError: What it said makes no sense.
    """
    while line := child.told.readline(_LINE_LIMIT):
        match json.loads(line):
            case {"stage": str(stage), "done": int(done), "total": int(total)}:
                progress.update(stage, done, total)
            case {"failed": str(what), "next": str(next_step)}:
                raise EngineError(what, next_step)
            case {"size": int(size), "sha256": str(digest), "about": dict(about)} if 0 < size <= PAYLOAD_LIMIT:
                return _received(child, size, digest, about)
            case other:
                raise ValueError(f"{other}")
    return None


def _received(child: _Child, size: int, digest: str, about: Mapping[str, str]) -> Made | None:
    payload = child.told.read(size)
    return (payload, about) if sha256(payload).hexdigest() == digest else None


def _death(child: _Child) -> str:
    status = child.process.wait(_END_S)
    words = child.last_words()
    ending = f"by signal {-status}" if status < 0 else f"with exit status {status}"
    return f"The build ended {ending}{': ' + words.rstrip('.') if words else ''}."
