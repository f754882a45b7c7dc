"""The processor of a run, and another one in its place when other networks are wanted: `livecam ctl preset fast`."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from livecam.app.assemble import Assembly
from livecam.app.exchange import ExchangingProcessor, Served
from livecam.app.understudy import Prompter
from livecam.config import Config, PresetName
from livecam.core.cleared import How
from livecam.core.persona import Persona
from livecam.core.seams import Processor
from livecam.core.settings import Mode, Settings
from livecam.errors import ConfigError, EngineError, LivecamError, WeightsMissing

if TYPE_CHECKING:
    from livecam.app.wearers import Wearers

log = logging.getLogger(__name__)

PATIENCE_S: Final = 20.0
"""How long whoever asks is kept waiting; making ready may take longer."""

_SETTLE_S: Final = 2.0
_REHEARSAL_S: Final = 3.0
_FRAMES: Final = 4
_FRESH_S: Final = 0.3


class _Change:
    """One change that is under way.

    Attributes:
        name: Of the preset.
        done: It is over.
        error: Once it is over, why it failed; None where it did not.
        waits: It is ready, and waits for a frame.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = threading.Event()
        self.error: LivecamError | None = LivecamError(f"The preset {name} could not be made ready.", "See the log.")
        self.waits = False


class Presets:
    """Has frames swapped as configured, and otherwise when that is asked for, without a gap.

    What is new is built by a thread of its own and tried on copies of the frames that pass; then it takes over between
    two frames. Where that fails, whoever serves goes on.

    Args:
        first: What the run begins with.
        assemble: Another assembly for another configuration, for which the same people are swapped.
        settings: Those in force.
        shows_user: Whether the source may show the user now.

    Attributes:
        current: What serves.
        entered: Told when another one does. The inference thread.
    """

    def __init__(
        self,
        first: Assembly,
        assemble: Callable[[Config, Assembly], Assembly],
        settings: Callable[[], Settings],
        shows_user: Callable[[], bool],
    ) -> None:
        self.current = first
        self._assemble = assemble
        self._settings = settings
        self._shows_user = shows_user
        self.entered: Callable[[], None] = lambda: None
        self._exchange = ExchangingProcessor()
        self._prompter = Prompter(self._exchange)
        self._coming: Assembly | None = None
        self._change: _Change | None = None
        self._lock = threading.Lock()
        self._used = False

    @property
    def note(self) -> str:
        """What is going on, for the status line. Any thread."""
        change, coming = self._change, self._coming
        if change is None or change.done.is_set():
            return self.current.remark
        if change.waits:
            return f"The preset {change.name} takes over with the next frame"
        step = f" ({coming.note})" if coming is not None and coming.note else ""
        return f"The preset {change.name} is being made ready{step}; {self.name} goes on"

    @property
    def name(self) -> str:
        """Of the preset that serves. Any thread."""
        return str(self.current.config.neural.preset)

    def make_processor(self) -> Processor:
        """The processor. The inference thread; again after `free`.

        Raises:
            ConfigError, ModelError, PersonaError: As `Assembly.make_processor`.
        """
        if self._used:
            self.current = self._assemble(self.current.config, self.current)
        self._used = True
        assembly = self.current
        processor = assembly.make_processor(self._settings().persona)
        self._exchange.begin(Served(processor, self.name, self.name, close=assembly.close))
        return self._prompter

    def free(self) -> None:
        """Free what serves; `make_processor` makes it again. The inference thread."""
        self._exchange.close()

    def lend(self) -> bool:
        """Free what serves while nobody looks, where it is dear; whether it was. The inference thread.

        The mesh swap's networks take little memory, and no card's; kept, they are back with the first frame.
        """
        dear = bool(self.current.config.neural.chain.swapper)
        if dear:
            self.free()
        return dear

    def prepare(self, persona: str) -> Persona:
        """Make `persona` ready for whoever serves, now and next. Any thread.

        Raises:
            PersonaError: It cannot be.
        """
        coming = self._coming
        ready = self.current.wardrobe.prepare(persona)
        if coming is not None:
            coming.wardrobe.prepare(persona)
        return ready

    def forget(self, persona: str) -> None:
        """Make `persona` ready anew when it is prepared next: it was changed or removed. Any thread."""
        for assembly in (self.current, self._coming):
            if assembly is not None:
                assembly.wardrobe.forget(persona)

    def ready(self) -> dict[str, Persona]:
        """All personas that are ready, for whoever serves now or next. Any thread."""
        found: dict[str, Persona] = {}
        for assembly in (self._coming, self.current):
            if assembly is not None:
                found.update(assembly.wardrobe.ready())
        return found

    def withdraw(self, persona: str) -> None:
        """Let nobody wear `persona` until it is prepared again: its consent has ended. Any thread; never waits."""
        for assembly in (self.current, self._coming):
            if assembly is not None:
                assembly.wardrobe.withdraw(persona)

    def swaps_nothing(self) -> bool:
        """Whether stand-ins serve, now or next. Any thread."""
        coming = self._coming
        return self.current.swaps_nothing or (coming is not None and coming.swaps_nothing)

    def change(self, config: Config, patience_s: float = PATIENCE_S) -> str:
        """Serve as `config` says, as soon as that is ready; what now holds. Any thread.

        Raises:
            LivecamError: It cannot be; nothing changed.
        """
        with self._lock:
            if self._change is not None and not self._change.done.is_set():
                raise LivecamError(f"The preset {self._change.name} is still being made ready.", "Wait for it.")
            change = self._change = _Change(str(config.neural.preset))
        threading.Thread(target=self._work, args=(change, config), name="livecam-preset", daemon=True).start()
        if not change.done.wait(patience_s):
            return f"{self.note}."
        if change.error is not None:
            raise change.error
        return f"Preset {change.name}: {self.current.provider}."

    def stop(self) -> None:
        """Build nothing more. Idempotent."""
        coming = self._coming
        for assembly in (self.current, coming):
            if assembly is not None:
                assembly.stop()

    def _work(self, change: _Change, config: Config) -> None:
        coming: Assembly | None = None
        try:
            coming = self._coming = self._assemble(config, self.current)
            served = coming.serve(self._settings().persona)
            self._take_over(change, coming, served)
            change.error = None
        except WeightsMissing as error:
            change.error = WeightsMissing(error.what, f"Run: livecam models pull --preset {change.name}.")
        except LivecamError as error:
            change.error = error
        finally:
            self._coming = None
            if change.error is not None:
                log.warning("The preset %s is not used, %s goes on: %s", change.name, self.name, change.error)
                if coming is not None:
                    coming.close()
            change.done.set()

    def _take_over(self, change: _Change, coming: Assembly, served: Served) -> None:
        """Try it and offer it; return when it serves, or has failed to.

        Raises:
            LivecamError: It fails.
        """
        seen_s = self._rehearse(served.processor) if served.rehearsable else 0.0
        persona = self._settings().persona
        coming.wardrobe.prepare(persona)
        before, entered, over = [self.current], threading.Event(), threading.Event()

        def enter() -> None:
            if coming.swaps_nothing and self._shows_user():
                raise EngineError("Stand-ins swap nothing: your own face would be sent.")
            if coming.wardrobe.get(self._settings().persona) is None:
                raise EngineError("The persona has changed meanwhile.", "Try again.")
            served.enter()
            self.current = coming
            self.entered()
            entered.set()
            over.set()

        def close() -> None:
            if self.current is coming and before:
                # It had entered, and failed all the same.
                self.current = before[0]
                self.entered()
            over.set()
            served.close()

        self._exchange.offer(
            replace(
                served,
                backend=change.name,
                enter=enter,
                close=close,
                rehearsed=lambda: bool(seen_s) and time.monotonic() - seen_s < _FRESH_S,
            )
        )
        while not over.wait(_SETTLE_S):
            change.waits = True
        # Whoever serves must not keep alive what was relieved.
        before.clear()
        if not entered.is_set():
            raise EngineError(f"The preset {change.name} was ready and could not take over.", "See the log.")

    def _rehearse(self, processor: Processor) -> float:
        """Let `processor` swap copies of the frames that pass, until it does so in time; when it saw the last one, s.

        Raises:
            LivecamError: It fails.
        """
        picture, in_a_row, seen_s = None, 0, 0.0
        end_s = time.monotonic() + _REHEARSAL_S
        while in_a_row < _FRAMES and time.monotonic() < end_s:
            frame = self._prompter.next_frame(end_s - time.monotonic())
            if frame is None:
                break
            if picture is None:
                height, width = frame.image.shape[:2]
                picture = np.empty((height * 3 // 2, width), np.uint8)
            outcome = processor.process(frame, picture, replace(self._settings(), panic=False, mode=Mode.SWAP))
            in_a_row = in_a_row + 1 if outcome is How.SWAPPED else 0
            seen_s = time.monotonic()
        return seen_s


def with_preset(config: Config, usual: Config, name: PresetName) -> Config:
    """`config` with another preset; networks that were named instead of a preset's own hold with the `usual` alone."""
    if name is usual.neural.preset:
        return replace(config, neural=usual.neural)
    plain = replace(config.neural, preset=name, small_enhancer="none", detector=None, swapper=None, boost=None)
    return replace(config, neural=replace(plain, enhancer=None, occlusion=None, regions=None))


def same_people(config: Config, before: Assembly) -> "Wearers":
    """Those whom `before` swaps, wearing what `config` says: nothing that happens later lets anybody else be swapped.

    Raises:
        ConfigError: Somebody is to wear something who is not enrolled, or was not when the run began.
    """
    wearers, worn = before.wearers, dict(config.people.worn)
    for person in worn:
        if person not in wearers.people:
            what = f"[people] says what {person!r} wears, and nobody was enrolled under that name when livecam started."
            raise ConfigError(what, f"Enrol first: livecam enroll {person}. Then start again.")
    return replace(wearers, people={person: worn.get(person, "") for person in wearers.people})
