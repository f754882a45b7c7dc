"""The delayed microphone: three modules in the sound server, found again by name whoever left them there.

::

    real microphone --module-loopback, late--> sink livecam_delay --its monitor--> source livecam_microphone

The same modules exist in PulseAudio and in PipeWire's stand-in for it, and both keep the latency that is asked for.
Programs read the last of the three; only the first is exchanged when the delay changes, so that they notice nothing
else.
"""

import threading
from collections.abc import Sequence
from typing import Final

from livecam.control.audio import pulse
from livecam.control.audio.names import SINK, SOURCE, TITLE
from livecam.control.audio.pulse import SoundError, SoundSource

LEAST_MS: Final = 5.0
"""Less than this no server keeps."""

MOST_MS: Final = 5000.0


class DelayedMicrophone:
    """A microphone as late as the picture. Used by one thread.

    Args:
        named: The real one: its name, or a part of its name or title; empty for the desktop's default.
        stop: Ends a wait.

    Attributes:
        real: The real one's name, once made.
    """

    def __init__(self, named: str, stop: threading.Event) -> None:
        self._named = named
        self._stop = stop
        self._loopback = ""
        self.real = ""

    def make(self, delay_ms: float) -> None:
        """Make it, in the place of whatever an earlier one left behind.

        Raises:
            SoundError: There is no server, or no such microphone.
        """
        self.remove()
        self.real = chosen(pulse.sources(), pulse.default_source(), self._named).name
        try:
            pulse.load(
                "module-null-sink",
                sink_name=SINK,
                sink_properties="'device.description=\"livecam delay, not for listening\"'",
            )
            pulse.load(
                "module-remap-source",
                master=f"{SINK}.monitor",
                source_name=SOURCE,
                source_properties=f"'device.description=\"{TITLE}\"'",
            )
            self._loopback = self._joined(delay_ms)
        except SoundError:
            self.remove()
            raise

    def change(self, delay_ms: float) -> None:
        """Delay by `delay_ms` from now on.

        Raises:
            SoundError: The server has gone, or refuses.
        """
        old, self._loopback = self._loopback, self._joined(delay_ms)
        # The new one is silent until its first sound is late enough; until then the old one is heard.
        self._stop.wait(held(delay_ms) / 1000.0)
        pulse.unload(old)

    def stands(self) -> bool:
        """Whether all of it is still there.

        A server that was started again has lost it, and so has one whose real microphone was pulled.

        Raises:
            SoundError: No server answers.
        """
        return bool(self._loopback) and len(_ours()) >= 3

    def remove(self) -> None:
        """Remove it, and what an earlier one left behind.

        Raises:
            SoundError: No server answers, so that nothing is there either.
        """
        self._loopback = ""
        # Backwards: what others hang on goes last.
        for module in reversed(_ours()):
            pulse.unload(module.number)

    def _joined(self, delay_ms: float) -> str:
        return pulse.load(
            "module-loopback",
            source=self.real,
            sink=SINK,
            latency_msec=f"{held(delay_ms):.0f}",
            # Seconds between two corrections. PulseAudio's usual ten leave it tens of ms off for half a minute.
            adjust_time="1",
            # A real one that is pulled must not be replaced by the default, which may be this one.
            source_dont_move="true",
            sink_dont_move="true",
        )


def held(delay_ms: float) -> float:
    """`delay_ms` within what a server can do."""
    return min(max(delay_ms, LEAST_MS), MOST_MS)


def chosen(found: Sequence[SoundSource], default: str, named: str) -> SoundSource:
    """The real microphone that is meant.

    Args:
        found: All that can be recorded.
        default: Name of the desktop's default.
        named: As the user named it; empty for the default.

    Raises:
        SoundError: There is none, or several answer to the name.
    """
    real = [source for source in found if source.name not in (SOURCE, f"{SINK}.monitor")]
    microphones = [source for source in real if not source.monitor]
    there = f"There are: {', '.join(map(str, microphones))}." if microphones else "Plug one in."
    if not named:
        fitting = [source for source in microphones if source.name == default] or microphones
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise SoundError("There is no microphone.", there)
        raise SoundError("The desktop's default is none of the microphones.", f"{there} Name one with --microphone.")
    exact = [source for source in real if source.name == named]
    alike = exact or [source for source in microphones if named.casefold() in str(source).casefold()]
    if len(alike) != 1:
        raise SoundError(f"{'Several microphones are' if alike else 'There is no microphone'} called {named!r}.", there)
    return alike[0]


def _ours() -> tuple[pulse.Module, ...]:
    names = (f"sink_name={SINK}", f"source_name={SOURCE}", f"sink={SINK}")
    return tuple(module for module in pulse.modules() if not set(names).isdisjoint(module.arguments.split()))
