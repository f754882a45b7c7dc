"""How a run is told what to do: the control socket and the global hotkeys."""

from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class HotkeysConfig:
    """Keys, and what each says."""

    bound: tuple[tuple[str, str], ...] = field(
        default=(
            ("<ctrl>+<alt>+p", "panic"),
            ("<ctrl>+<alt>+r", "resume"),
            ("<ctrl>+<alt>+n", "next"),
            ("<ctrl>+<alt>+b", "previous"),
            ("<ctrl>+<alt>+h", "hold"),
        ),
        metadata=about(
            Pairs("KEYS", "WORDS"),
            "--hotkey",
            'Which keys say what, as "<ctrl>+<alt>+p" = "panic"; `livecam ctl help` lists what can be said, and hold '
            "lasts as long as the key is down. Whoever sets one sets all. Otherwise, with <ctrl>+<alt>: p panic, "
            "r resume, n next, b previous, h hold.",
        ),
    )
