"""The sound server, asked through ``pactl``: PulseAudio, or PipeWire in its place."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from livecam.errors import LivecamError
from livecam.output.pipewire_setup import distribution

PROGRAM: Final = "pactl"

_ANSWER_S: Final = 5.0
_INSTALL: Final[Mapping[str, str]] = {
    "debian": "sudo apt install pulseaudio-utils",
    "fedora": "sudo dnf install pulseaudio-utils",
    "arch": "sudo pacman -S libpulse",
    "suse": "sudo zypper install pulseaudio-utils",
}
"""By a word in os-release's ID or ID_LIKE."""


class SoundError(LivecamError):
    """The delayed microphone cannot be made, or not now."""


@dataclass(frozen=True, slots=True)
class SoundSource:
    """Something that can be recorded.

    Attributes:
        name: Of the server's.
        title: For people.
        monitor: It is what a loudspeaker plays, and no microphone.
    """

    name: str
    title: str
    monitor: bool

    def __str__(self) -> str:
        return f"{self.name} ({self.title})"


@dataclass(frozen=True, slots=True)
class Module:
    """A module that is loaded in the server.

    Attributes:
        number: Unloads it.
        kind: Such as ``module-loopback``.
        arguments: As they were given.
    """

    number: str
    kind: str
    arguments: str


def demand_linux() -> None:
    """Nothing else has such a server.

    Raises:
        SoundError: This is another system.
    """
    if sys.platform != "linux":
        raise SoundError(
            "A delayed microphone can be made with PipeWire or PulseAudio only, which this system does not have.",
            "In OBS, `livecam obs setup` delays the microphone instead.",
        )


def ask(*arguments: str) -> str:
    """What ``pactl`` prints when it is called with `arguments`.

    Raises:
        SoundError: It is not installed, no server answers, or the server refuses.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise SoundError("A delayed microphone needs pactl, which is not installed.", _install_step())
    try:
        # Its words are read, so they must be the English ones.
        done = subprocess.run(
            [program, *arguments],
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SoundError(
            f"The sound server has not answered for {_ANSWER_S:g} s.", "It may hang: restart it."
        ) from None
    except OSError as error:
        raise SoundError(f"{program} cannot be run: {error.strerror}.") from None
    if done.returncode:
        raise _refusal(arguments, done.stderr.strip())
    return done.stdout


def sources() -> tuple[SoundSource, ...]:
    """All that can be recorded.

    Raises:
        SoundError: As `ask`.
    """
    found: list[SoundSource] = []
    for block in ask("list", "sources").split("\n\n"):
        lines = [line.strip().partition(": ") for line in block.splitlines()]
        # The first of each key: properties further down repeat some of them.
        fields = {key: value for key, _, value in reversed(lines)}
        if "Name" in fields:
            monitor = fields.get("Monitor of Sink", "n/a") != "n/a"
            found.append(SoundSource(fields["Name"], fields.get("Description", ""), monitor))
    return tuple(found)


def default_source() -> str:
    """Name of the desktop's default; empty when there is none.

    Raises:
        SoundError: As `ask`.
    """
    for line in ask("info").splitlines():
        key, _, value = line.partition(": ")
        if key == "Default Source":
            return value.strip()
    return ""


def modules() -> tuple[Module, ...]:
    """All modules.

    Raises:
        SoundError: As `ask`.
    """
    rows = [line.split("\t") for line in ask("list", "short", "modules").splitlines()]
    # Some modules' arguments have several lines; none of ours.
    return tuple(Module(row[0], row[1], row[2]) for row in rows if len(row) >= 3 and row[0].isdecimal())


def load(kind: str, **arguments: str) -> str:
    """Load the module `kind`; its number.

    Raises:
        SoundError: As `ask`.
    """
    return ask("load-module", kind, *(f"{name}={value}" for name, value in arguments.items())).strip()


def unload(number: str) -> None:
    """Unload the module `number`.

    Raises:
        SoundError: As `ask`.
    """
    ask("unload-module", number)


def _refusal(arguments: tuple[str, ...], said: str) -> SoundError:
    if "onnection" in said or "Daemon not running" in said:
        return SoundError(
            f"No sound server answers ({said.splitlines()[0]}).",
            "As the user who is logged in, run: systemctl --user start pipewire-pulse, or: pulseaudio --start",
        )
    return SoundError(f"The sound server refuses {' '.join(arguments[:2])}: {said or 'without a reason'}.")


def _install_step() -> str:
    words = distribution().split()
    for word, command in _INSTALL.items():
        if any(word in part for part in words):
            return f"Run {command}."
    return "Install PulseAudio's utilities, which PipeWire uses as well."
