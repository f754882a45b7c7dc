"""The networks of a run, compiled for its card: which are missing, how they are made, and how they are believed."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from livecam.app.exchange import Served
from livecam.core.frame import NS_PER_S
from livecam.core.seams import Engine
from livecam.errors import EngineError, LivecamError
from livecam.inference import references
from livecam.inference.model import Model
from livecam.inference.plan_build import COMMAND, Terms, obtain_plan
from livecam.inference.plan_file import Sealed
from livecam.inference.plan_key import Flavour
from livecam.inference.plan_request import Request, key_of, request_for
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Progress
from livecam.inference.store import digest_of, installed

log = logging.getLogger(__name__)

_PLAN_SHARE: Final = 0.9
"""Of the work on a network; the rest is its reference."""
_TOLD_FROM: Final = 0.03
"""From this share of the work on the time left can be told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A network to be compiled.

    Attributes:
        model: Which.
        batch: Most pictures at a time.
    """

    model: Model
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where networks are compiled, and with what.

    Attributes:
        plans: What was compiled.
        networks: Folder of the networks.
        recipes: Folders of their recipes.
        flavour: Which TensorRT.
        version: Of it, exact.
        card: The graphics card of this machine, for full TensorRT; "" for TensorRT for RTX, whose plans are for all.
        plan_command: What compiles; tests start something else.
        reference_command: What works out references.
    """

    plans: PlanCache
    networks: Path
    recipes: tuple[Path, ...]
    flavour: Flavour
    version: str
    card: str = ""
    plan_command: Sequence[str] = COMMAND
    reference_command: Sequence[str] = references.COMMAND

    def is_ready(self, wanted: Wanted) -> bool:
        """Whether the plan and what it is held against are there, verified."""
        request = self._request(wanted)
        plan = self.plans.find(key_of(request, wanted.model, self.version))
        return plan is not None and references.find_reference(self.plans, request) is not None

    def make(self, wanted: Wanted, progress: Progress, cancel: threading.Event) -> None:
        """Compile, and work out what the plan is to be held against; what is there is kept.

        Raises:
            EngineError: It cannot be compiled, or `cancel` was set.
            ModelError: The network's file is missing or damaged.
        """
        request, terms = self._request(wanted), Terms(cancel, command=self.plan_command)
        obtain_plan(self.plans, request, wanted.model, self.version, _Part(progress, 0.0, _PLAN_SHARE), terms)
        rest = _Part(progress, _PLAN_SHARE, 1.0)
        references.obtain_reference(self.plans, request, rest, replace(terms, command=self.reference_command))
        rest.update("done", 1, 1)

    def plan(self, wanted: Wanted) -> Sealed:
        """The verified plan.

        Raises:
            EngineError: It is not there.
            ModelError: The network's file is missing or damaged.
        """
        found = self.plans.find(key_of(self._request(wanted), wanted.model, self.version))
        if found is None:
            raise EngineError(f"{wanted.model.name} is not compiled.", "Run: livecam engines build")
        return found

    def check(self, wanted: Wanted, engine: Engine) -> None:
        """Hold `engine`, by roles, against what the network gives in 32 bit.

        Raises:
            EngineError: It failed, is too far off, or there is nothing to hold it against.
        """
        reference = references.find_reference(self.plans, self._request(wanted))
        if reference is None:
            raise EngineError(f"There is nothing to judge the compiled {wanted.model.name} by.", "Start livecam again.")
        errors = reference.check(engine, wanted.model.name)
        log.info("The compiled %s is off by %.2g.", wanted.model.name, max(errors.values()))

    def _request(self, wanted: Wanted) -> Request:
        model = wanted.model
        return request_for(
            model,
            installed(model, self.networks),
            digest_of(model, self.networks),
            self.recipes,
            flavour=self.flavour,
            batch=wanted.batch,
            card=self.card,
        )


class BackgroundBuild:
    """Compiles what is missing while another backend serves, then has a processor made of it, and offers that.

    Args:
        work: What is missing.
        workshop: Where it is compiled.
        make: Makes and tries the processor, in this thread.
        offer: Given the processor.
        now_ns: Monotonic time.
    """

    def __init__(
        self,
        work: Sequence[Wanted],
        workshop: Workshop,
        make: Callable[[], Served],
        offer: Callable[[Served], None],
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._work = work
        self._workshop = workshop
        self._make = make
        self._offer = offer
        self._now_ns = now_ns
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._run, name="livecam-compile", daemon=True)
        self.note = ""
        """How far it has come, or why it has failed, for the status line. Any thread."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, patience_s: float = 1.0) -> bool:
        """End it, and with it the process that compiles; whether it ended in time. Idempotent."""
        self._cancel.set()
        if self._thread.ident is not None:
            self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._compile()
            self.note = "Starting the compiled networks"
            ready = self._make()
        except LivecamError as error:
            if not self._cancel.is_set():
                log.warning("The networks are not used as compiled, what serves goes on serving: %s", error)
                self.note = f"not compiled: {error.what}"  # last: who sees it finds the line in the log
            return
        if self._cancel.is_set():
            ready.close()
            return
        self.note = ""
        self._offer(ready)

    def _compile(self) -> None:
        sizes = [installed(each.model, self._workshop.networks).stat().st_size for each in self._work]
        began_ns, done, total = self._now_ns(), 0, sum(sizes)
        for each, size in zip(self._work, sizes, strict=True):
            name, before = each.model.name, done / total

            def tell(share: float, name: str = name, before: float = before, size: int = size) -> None:
                self.note = _told(name, before + share * size / total, self._now_ns() - began_ns)

            self._workshop.make(each, _Share(tell), self._cancel)
            done += size


class _Share:
    """Progress as a share, 0..1, of one network.

    Args:
        tell: Told of it.
    """

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        tell(0.0)

    def update(self, stage: str, done: int, total: int) -> None:
        """See `Progress`; a stage without a known end changes nothing."""
        if total:
            self._tell(done / total)


class _Part:
    """Hands on the progress of a part of the work, as that of the whole.

    Args:
        whole: Told, in hundredths.
        start: Of the part, as a share of the whole.
        end: Likewise.
    """

    def __init__(self, whole: Progress, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def update(self, stage: str, done: int, total: int) -> None:
        """See `Progress`."""
        if total:
            share = self._start + (self._end - self._start) * done / total
            self._whole.update(stage, round(100 * share), 100)


def _told(name: str, share: float, took_ns: int) -> str:
    """The progress for the status line, with the time left once that can be known."""
    told = f"Compiling for the graphics card: {name}, {share:.0%}"
    if share < _TOLD_FROM:
        return told
    left_s = took_ns / NS_PER_S * (1 - share) / share
    return f"{told}, about {left_s:.0f} s left" if left_s < 90 else f"{told}, about {left_s / 60:.0f} min left"
