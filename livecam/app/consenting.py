"""Consent while a run lasts: looked at ten times a second, so that whatever ends it ends the swap within a second."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from livecam.app.consented import BUILT_IN, RECORD, RunClock
from livecam.app.presets import Presets
from livecam.config import Paths
from livecam.core.persona import Consent, Persona, Scope
from livecam.core.settings import SettingsCell
from livecam.errors import ConsentRefused, LivecamError, PersonaError
from livecam.faces.consent_terms import refuse_invalid
from livecam.faces.consents import Consents, Note, note_consent, unnoted
from livecam.output.tee import SinkState

log = logging.getLogger(__name__)

_LATELY_S: Final = 1.0
_AGAIN_S: Final = 2.0
_ELSE: Final = "or wear another persona: livecam ctl persona NAME"


class Worn(Protocol):
    """Who is worn, and what is ready to be."""

    def ready(self) -> Mapping[str, Persona]:
        """All personas that are ready."""
        ...

    def withdraw(self, persona: str) -> None:
        """Let nobody wear it until it is prepared again."""
        ...

    def prepare(self, persona: str) -> Persona:
        """Make it ready. Raises `LivecamError`."""
        ...


@dataclass(frozen=True, slots=True)
class _Read:
    """What was last read of a persona's record, and the state of its file then."""

    stamp: tuple[int, int, int] | None
    consent: Consent | None
    problem: PersonaError | None


class Consenting:
    """Judges the consent of personas while a run lasts, and takes those away that have none. Any thread.

    Args:
        consents: The records.
        worn: Who is worn.
        names: Of those that are to be worn: that of the settings, and those of enrolled people.
        begun: Whether the first is ready; whoever is made ready before is judged by `admit`.
        tighten: Keeps what was made until now from leaving.
        recording: Whether pictures are being recorded.
        now: The time, which never goes back.
        note: Told of consents that have ended.

    """

    def __init__(
        self,
        consents: Consents,
        worn: Worn,
        names: Callable[[], Iterable[str]],
        begun: Callable[[], bool],
        tighten: Callable[[], None],
        recording: Callable[[], bool],
        now: Callable[[], datetime] | None = None,
        note: Note = unnoted,
    ) -> None:
        self._consents = consents
        self._worn = worn
        self._names = names
        self._begun = begun
        self._tighten = tighten
        self._recording = recording
        self._now = now or RunClock()
        self._note = note
        self._reads: dict[str, _Read] = {}
        self._newest: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._lately: dict[str, float] = {}
        self._tried: dict[str, tuple[object, float]] = {}
        self._bringing: threading.Thread | None = None
        self._lock = threading.RLock()
        self._why = ""

    def told(self) -> str:
        """Why somebody who is to be worn is not, and what to do; "" where nobody is missing."""
        return self._why

    def admit(self, persona: Persona) -> None:
        """Refuse to make `persona` ready, whose record was just read and proven.

        Raises:
            ConsentRefused: The record does not hold, or not for all that goes on.
        """
        if persona.name == BUILT_IN:
            return
        with self._lock:
            self._refuse_older(persona.name, persona.consent)
            refuse_invalid(persona.name, persona.consent, self._now(), *self._needs())

    def demand(self, *needs: Scope, names: Sequence[str] | None = None) -> None:
        """Refuse what goes beyond the consent of whoever is to be worn, or of `names`.

        Raises:
            ConsentRefused: One has none for that.
            PersonaError: A record cannot be read.
        """
        for name in names if names is not None else self._names():
            problem = self._judged(name, needs)
            if problem is not None:
                raise problem

    def wear(self, name: str) -> None:
        """Refuse to have `name` worn from now on, with all that goes on.

        Raises:
            ConsentRefused: It has no consent, or none for recordings while one is made.
        """
        self.demand(Scope.LIVE, names=[name])
        if self._recording():
            try:
                self.demand(Scope.RECORDING, names=[name])
            except ConsentRefused as refusal:
                raise ConsentRefused(
                    f"A recording is being made. {refusal.what}", f"End the recording first. {refusal.next_step}"
                ) from None

    def look(self) -> None:
        """Take away whoever has no consent any more, and bring back whoever has one again. One thread; never waits."""
        if not self._begun():
            return
        names, needs = list(dict.fromkeys(self._names())), self._needs()
        now_s = time.monotonic()
        self._lately = {name: at_s for name, at_s in self._lately.items() if now_s - at_s < _LATELY_S}
        self._lately.update(dict.fromkeys(names, now_s))
        ready = self._worn.ready()
        gone = [name for name, persona in ready.items() if self._has_ended(name, persona, needs)]
        other = [name for name, persona in ready.items() if name not in gone and self._says_other(name, persona)]
        for name in gone + other:
            self._worn.withdraw(name)
        if any(name in self._lately for name in gone):
            # After they are gone, so that no picture that is still being made comes out above the floor.
            self._tighten()
        self._tell_missing([name for name in names if name in gone + other or name not in ready], needs)

    def _has_ended(self, name: str, persona: Persona, needs: Sequence[Scope]) -> bool:
        # Whoever is only ready is in no recording.
        problem = self._judged(name, needs if name in self._lately else (Scope.LIVE,))
        if problem is not None:
            self._tell(name, problem)
            return True
        self._told.pop(name, None)
        read = self._reads.get(name)
        if read is not None and read.consent is not None:
            # It was made anew of other photos: what is worn is of those before, which nobody consents to any more.
            return set(read.consent.photo_digests) != set(persona.consent.photo_digests)
        return False

    def _says_other(self, name: str, persona: Persona) -> bool:
        """Whether the record that holds is another one; then the persona is loaded with it, under a held picture."""
        read = self._reads.get(name)
        return read is not None and read.consent is not None and read.consent != persona.consent

    def _tell_missing(self, missing: Sequence[str], needs: Sequence[Scope]) -> None:
        problems = [(name, self._judged(name, needs)) for name in missing]
        reasons = [str(problem) if problem is not None else self._failed.get(name, "") for name, problem in problems]
        self._why = next((f"{reason.rstrip('.')}; {_ELSE}" for reason in reasons if reason), "")
        for name, problem in problems:
            if problem is None:
                self._bring_back(name)

    def _bring_back(self, name: str) -> None:
        """Make `name` ready in a thread of its own: its consent was renewed, or its files are other ones."""
        tried, now_s = self._tried.get(name), time.monotonic()
        stamp = self._consents.stamp(name)
        waits = tried is not None and tried[0] == stamp and now_s - tried[1] < _AGAIN_S
        if waits or (self._bringing is not None and self._bringing.is_alive()):
            return
        self._tried[name] = stamp, now_s
        self._bringing = threading.Thread(target=self._prepare, args=(name,), name="livecam-consent", daemon=True)
        self._bringing.start()

    def _prepare(self, name: str) -> None:
        try:
            self._worn.prepare(name)
        except LivecamError as error:
            self._failed[name] = str(error)
            log.warning("%s cannot be worn: %s", name, error)
        else:
            self._failed.pop(name, None)
            log.info("%s can be worn.", name)

    def _needs(self) -> tuple[Scope, ...]:
        return (Scope.LIVE, Scope.RECORDING) if self._recording() else (Scope.LIVE,)

    def _judged(self, name: str, needs: Sequence[Scope]) -> PersonaError | None:
        """Why `name` has no consent for `needs`; None where it has."""
        if name == BUILT_IN:
            return None
        with self._lock:
            read = self._read(name)
            if read.consent is None:
                return read.problem
            try:
                self._refuse_older(name, read.consent)
                refuse_invalid(name, read.consent, self._now(), *needs)
            except ConsentRefused as refusal:
                return refusal
            return None

    def _read(self, name: str) -> _Read:
        """The record of `name`, read anew only where its file is another one."""
        stamp, before = self._consents.stamp(name), self._reads.get(name)
        if before is not None and before.stamp == stamp:
            return before
        try:
            read = _Read(stamp, self._consents.read(name), None)
        except PersonaError as error:
            if before is not None and before.consent is not None and stamp is None:
                # A folder that is being replaced is not there for a moment; it counts from the next look on.
                self._reads[name] = _Read(None, None, error)
                return before
            read = _Read(stamp, None, error)
        self._reads[name] = read
        return read

    def _refuse_older(self, name: str, consent: Consent) -> None:
        """Refuse a record that is older than one seen in this run: what was taken back is not undone by a copy.

        Raises:
            ConsentRefused: It is.
        """
        if consent.changed < self._newest.get(name, ""):
            raise ConsentRefused(
                f"The consent record of {name!r} is older than one that was there before.",
                f"Give it anew: livecam faces consent {name} --renew",
            )
        self._newest[name] = consent.changed

    def _tell(self, name: str, problem: PersonaError) -> None:
        """Say once why `name` may not be worn any more."""
        if self._told.get(name) == str(problem):
            return
        self._told[name] = str(problem)
        log.warning("%s is not worn any more: %s", name, problem)
        read = self._reads.get(name)
        if read is not None and read.consent is not None and read.consent.expired(self._now()):
            note_consent(self._note, "consent-expired", name, read.consent)
        else:
            self._note("consent-ended", persona=name, problem=problem.what)


def consenting_of(
    paths: Paths, presets: Presets, cell: SettingsCell, sinks: Callable[[], Iterable[SinkState]], note: Note
) -> Consenting:
    """What looks after the consent of the personas of a run.

    Args:
        paths: Where personas are.
        presets: What swaps.
        cell: The settings in force.
        sinks: How each sink is doing.
        note: Told of consents that have ended.
    """

    def names() -> Iterable[str]:
        people = (name for _, name in presets.current.config.people.worn if name)
        return (cell.current.persona, *people)

    def recording() -> bool:
        return any(sink.name.startswith(f"{RECORD}:") and not sink.gone for sink in sinks())

    def begun() -> bool:
        return bool(presets.current.wearer)

    return Consenting(Consents(paths.personas), presets, names, begun, cell.tighten, recording, note=note)
