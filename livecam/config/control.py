"""How a run is told what to do: the control socket and the global hotkeys."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livecam.config.compound import Otherwise, Pairs, PathKind
from livecam.config.kinds import Switch
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """The ways in."""

    socket: Path | None = field(
        default=None,
        metadata=about(
            Otherwise(PathKind(), "auto"),
            "--control-socket",
            "Where `livecam ctl` reaches this run. auto: in the user's runtime folder, one for each run.",
        ),
    )
    hotkeys: bool = field(
        default=True,
        metadata=about(Switch(), "--hotkeys", "Listen for the keys of [hotkeys]; needs livecam[hotkeys]."),
    )


USUAL: Final = (
    ("<ctrl>+<alt>+p", "panic"),
    ("<ctrl>+<alt>+r", "resume"),
    ("<ctrl>+<alt>+n", "next"),
    ("<ctrl>+<alt>+b", "previous"),
    ("<ctrl>+<alt>+h", "hold"),
    *((f"<ctrl>+<alt>+{number}", f"favourite {number}") for number in range(1, 10)),
)
"""The hotkeys that are there unless they are given other words, or none."""


@dataclass(frozen=True, slots=True)
class HotkeysConfig:
    """Keys, and what each says, beside the `USUAL` ones."""

    bound: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=about(
            Pairs("KEYS", "WORDS"),
            "--hotkey",
            'Which keys say what, as "<ctrl>+<alt>+p" = "panic"; `livecam ctl help` lists what can be said, and hold '
            "lasts as long as the key is down. Beside them there are, with <ctrl>+<alt>: p panic, r resume, n next, "
            "b previous, h hold, 1 to 9 the favourites; no words after a key turn it off.",
        ),
    )
