"""What keeps a run within what was agreed: a clock that never goes back, and ways out that record only with consent."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from livecam.app.outlets import Outlets
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.persona import Persona, Scope
from livecam.core.seams import Processor, Sink
from livecam.core.settings import Settings
from livecam.core.spec import Spec
from livecam.faces.consent import FILE, LARGEST_BYTES
from livecam.faces.consent_terms import refuse_invalid, utc_now
from livecam.faces.consents import Consents
from livecam.faces.store import read_plain

BUILT_IN: Final = "nobody"
"""The persona that needs no consent; said here again, since its own room brings OpenCV."""

RECORD: Final = "record"
"""The kind of sinks that record."""

_SNAPSHOT: Final = "snapshot"
_EVERY_S: Final = 0.5


class RunClock:
    """The wall clock of a run, which never goes back: who sets the clock back revives nobody. Any thread.

    Args:
        wall: The wall clock.
        monotonic_s: Goes on while the wall clock is set back.
    """

    def __init__(
        self, wall: Callable[[], datetime] = utc_now, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._latest, self._at_s = wall(), monotonic_s()
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """The wall clock's time, or, where that was set back, the latest there was and the time since."""
        with self._lock:
            now_s = self._monotonic_s()
            self._latest = max(self._wall(), self._latest + timedelta(seconds=now_s - self._at_s))
            self._at_s = now_s
            return self._latest


class ConsentedOutlets:
    """Outlets that record only whom it is agreed to record.

    Args:
        outlets: Where pictures go.
        demand: Refuses a scope that whoever is worn has no consent for; raises `ConsentRefused`.
    """

    def __init__(self, outlets: Outlets, demand: Callable[[Scope], None]) -> None:
        self._outlets = outlets
        self._demand = demand

    def add(self, spec: Spec) -> str:
        """See `Outlets`."""
        if spec.kind == RECORD:
            self._demand(Scope.RECORDING)
        return self._outlets.add(spec)

    def remove(self, name: str) -> str:
        """See `Outlets`."""
        return self._outlets.remove(name)

    def follow(self, specs: Sequence[Spec]) -> str:
        """See `Outlets`."""
        if any(spec.kind == RECORD for spec in specs):
            self._demand(Scope.RECORDING)
        return self._outlets.follow(specs)

    def bring(self, sink: Sink, listens: bool) -> None:
        """See `Outlets`."""
        if not listens:
            # Whoever is brought and is told of among the sinks records.
            self._demand(Scope.RECORDING)
        elif sink.name == _SNAPSHOT:
            self._demand(Scope.STILL)
        self._outlets.bring(sink, listens)

    def take(self, sink: Sink) -> None:
        """See `Outlets`."""
        self._outlets.take(sink)


class Agreement:
    """The consent that a conversion of a file needs, from its first frame to its last.

    Args:
        personas: Folder of the personas.
        names: Of those that are worn.
        need: For what.
    """

    def __init__(self, personas: Path, names: Iterable[str], need: Scope) -> None:
        self._consents = Consents(personas)
        self._names = [name for name in dict.fromkeys(names) if name not in ("", BUILT_IN)]
        self._need = need
        self._now = RunClock()

    def permitting(self, permit: Callable[[Persona], None]) -> Callable[[Persona], None]:
        """`permit`, which refuses personas without this consent too."""

        def both(persona: Persona) -> None:
            permit(persona)
            refuse_invalid(persona.name, persona.consent, self._now(), self._need)

        return both

    def demand(self) -> None:
        """Refuse to go on where it has ended.

        Raises:
            ConsentRefused: It has.
            PersonaError: A record cannot be read any more.
        """
        for name in self._names:
            refuse_invalid(name, self._consents.read(name), self._now(), self._need)


class AgreedProcessor:
    """A processor that goes on as long as its agreement does. One thread.

    Args:
        inner: Does the work.
        agreement: Asked now and then.
        every_s: How often.
    """

    def __init__(self, inner: Processor, agreement: Agreement, every_s: float = _EVERY_S) -> None:
        self._inner = inner
        self._agreement = agreement
        self._every_s = every_s
        self._asked_s = float("-inf")

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`.

        Raises:
            PersonaError: A consent has ended.
        """
        now_s = time.monotonic()
        if now_s - self._asked_s >= self._every_s:
            self._asked_s = now_s
            self._agreement.demand()
        return self._inner.process(frame, out, settings)

    def reset(self) -> None:
        """See `Processor`."""
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._inner.stages()


def may_be_recorded(personas: Path, names: Iterable[str]) -> bool:
    """Whether the records of `names` say that they may be recorded, as far as can be told without a key.

    It serves to leave a recording out that nobody asked for; whether a record is to be believed is judged elsewhere.
    """
    return all(name == BUILT_IN or _names_recording(personas / name / FILE) for name in names)


def _names_recording(path: Path) -> bool:
    try:
        content: object = json.loads(read_plain(path, LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    match content:
        case {"scope": list(scope)}:
            return Scope.RECORDING in scope
        case _:
            return False
