"""Where a backend works: how much memory is free, what each needs, and whether a live daemon has the card already.

Nothing here imports torch; what torch alone can tell is asked of `livecam.studio.engines.placing`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil

from livecam.control.client import order
from livecam.control.place import running
from livecam.errors import LivecamError, StudioError, StudioMemory
from livecam.studio.terms import Caps, Device

GB: Final = 1_000_000_000

OFFLOADS: Final = ("none", "model", "sequential")
"""From the fastest to the one that needs the least memory on the card."""

DEVICES: Final = ("cuda", "mps", "cpu")
"""Best first."""

SIDES: Final = (1024, 768, 512)
"""Sides of a picture that are proposed where the memory does not suffice, px."""

_FULL_SIDE: Final = 1024


@dataclass(frozen=True, slots=True)
class Need:
    """What a backend takes on the card in 16 bit, GB, besides what a picture takes.

    Attributes:
        none: With all networks on it.
        model: With one network at a time on it.
        sequential: With one layer at a time on it.
        picture: What one of 1024 px takes while it is made; it grows with its pixels.
        weights: All networks, wherever they lie: what the computer's own memory must hold with offload.
    """

    none: float
    model: float
    sequential: float
    picture: float
    weights: float

    def on_card(self, offload: str, side: int) -> int:
        """Bytes."""
        held = {"none": self.none, "model": self.model, "sequential": self.sequential}[offload]
        return round((held + self.picture * (side / _FULL_SIDE) ** 2) * GB)

    def in_memory(self, offload: str) -> int:
        """Bytes of the computer's own memory."""
        return round((1.0 if offload == "none" else self.weights) * GB)

    def on_processor(self, side: int, *, half: bool) -> int:
        """Bytes of the computer's own memory where the processor does the work."""
        return round((self.weights + self.picture * (side / _FULL_SIDE) ** 2) * (1 if half else 2) * GB)


NEEDS: Final[Mapping[str, Need]] = MappingProxyType(
    {
        "klein4b": Need(16.0, 8.5, 2.0, 2.0, 16.0),
        "flux1": Need(42.0, 27.0, 3.0, 3.0, 42.0),
        "sdxl-instantid": Need(11.0, 8.5, 2.0, 3.0, 11.0),
    }
)
"""By backend. Two bytes for each parameter: klein 3.88 B and its words 4.0 B; FLUX.1 11.90 B, T5 4.76 B, the control
network 2.95 B, PuLID 0.57 B and its eyes 0.3 B; SDXL 2.57 B, the control network 1.25 B, words 0.82 B, the tokens of
the face 0.7 B. With one network at a time the largest counts, and for FLUX.1 what works inside its passes.

PuLID's authors give 45 GB for FLUX.1 and 30 GB with offload; Black Forest Labs gives 13 GB for klein 4B. What a picture
takes and the rows of ``sequential`` are estimates: they were not measured, for lack of a card and of weights.
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is free, bytes.

    Attributes:
        devices: By name of a device that torch can work on, its own memory.
        main: The computer's.
    """

    devices: Mapping[str, int]
    main: int


def memory_here() -> Memory:
    """Of this computer, now. Imports torch.

    Raises:
        ExtraMissing: torch is not installed; see `livecam.studio.backends.maker_of`.
    """
    free_bytes: Callable[[str], int | None] = vars(import_module("livecam.studio.engines.placing"))["free_bytes"]
    found = {name: free_bytes(name) for name in DEVICES}
    return Memory(
        {name: free for name, free in found.items() if free is not None}, int(psutil.virtual_memory().available)
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants; "" is for livecam to choose.

    Attributes:
        device: Of `DEVICES`.
        offload: Of `OFFLOADS`.
    """

    device: str = ""
    offload: str = ""


def choose(caps: Caps, side: int, wish: Wish, memory: Callable[[], Memory] = memory_here) -> Device:
    """Where the backend of `caps` works on pictures of `side` px.

    What the user names is taken as named, whatever the estimate says of it. `memory` is asked only where it matters.

    Raises:
        StudioError: There is no such device, or an offload is wished where there is no card to take it from.
        StudioMemory: Nothing fits; the sentence names the next smaller setting.
    """
    need = NEEDS.get(caps.name)
    if need is None:
        # Small enough for anything: it works where no other program waits.
        return _offloading(Device(wish.device or "cpu", wish.offload or "none"))
    there = memory()
    name = wish.device or next(name for name in DEVICES if name in there.devices)
    if name not in there.devices:
        raise StudioError(
            f"torch sees no device {name!r} on this machine.",
            f"There are: {', '.join(there.devices)}. Or leave it out.",
        )
    if name == "cpu":
        _offloading(Device(name, wish.offload or "none"))
        return _on_processor(caps, need, side, wish, there)
    return Device(name, wish.offload or _offload(caps, need, side, name, there), half=True)


def _offloading(device: Device) -> Device:
    """`device`, unless it is the processor with an offload: that would be dropped without a word.

    Raises:
        StudioError: It is.
    """
    if device.name == "cpu" and device.offload != "none":
        raise StudioError(
            f"The processor works on all networks where they lie: --offload {device.offload} has no effect there.",
            "Leave it out, or name a graphics card with --device.",
        )
    return device


def _on_processor(caps: Caps, need: Need, side: int, wish: Wish, there: Memory) -> Device:
    exact = need.on_processor(side, half=False) <= there.main
    if not exact and need.on_processor(side, half=True) > there.main and not wish.device:
        raise _too_small(caps, side, there.main, lambda each: need.on_processor(each, half=True), "this computer")
    return Device("cpu", half=not exact)


def _offload(caps: Caps, need: Need, side: int, name: str, there: Memory) -> str:
    """The fastest that fits."""
    free = there.devices[name]
    # Macs have one memory for both: what is on the card is taken from it.
    main = there.main if name == "cuda" else free
    for offload in OFFLOADS:
        if need.on_card(offload, side) <= free and need.in_memory(offload) <= main:
            return offload
    if need.on_card("sequential", side) <= free:
        raise StudioMemory(
            f"{caps.name} needs about {_gb(need.in_memory('sequential'))} of this computer's memory where its card "
            f"cannot hold it, and {_gb(main)} are free.",
            "Close other programs; or name an offload, and it is tried: --offload sequential.",
        )
    raise _too_small(caps, side, free, lambda each: need.on_card("sequential", each), f"the graphics card ({name})")


def _too_small(caps: Caps, side: int, free: int, least: Callable[[int], int], where: str) -> StudioMemory:
    below = next((each for each in SIDES if each < side and least(each) <= free), None)
    next_step = f"Try --side {below}." if below else "Close other programs; or name it, and it is tried: --device cpu."
    return StudioMemory(
        f"A picture of {side} px with {caps.name} needs about {_gb(least(side))} of the memory of {where}, and "
        f"{_gb(free)} are free.",
        next_step,
    )


def _gb(count: int) -> str:
    return f"{count / GB:.1f} GB"


_NO_CARD: Final = ("cpu", "openvino")
"""Providers of a daemon that leave the card alone."""


def refuse_beside_live(
    device: Device,
    *,
    share: bool,
    sockets: Callable[[], Iterable[Path]] = running,
    ask: Callable[[Path], str] = lambda path: order(path, "status").line,
) -> None:
    """Refuse to take the card from a livecam that runs: a call would stutter, or fall back to the slate.

    Args:
        device: Where the studio would work.
        share: The user has said that it may.
        sockets: Of the daemons that run.
        ask: For one's status, JSON.

    Raises:
        StudioError: A daemon uses the card, or does not say what it uses.
    """
    if device.name == "cpu" or share:
        return
    for path in sockets():
        provider = _provider(path, ask)
        if not provider.startswith(_NO_CARD):
            how = f"uses the graphics card ({provider})" if provider else "does not say what it works on"
            raise StudioError(
                f"A livecam runs and {how}; the studio would take memory and time from it.",
                "Stop it first, work on the processor with --device cpu, or say --share.",
            )


def _provider(path: Path, ask: Callable[[Path], str]) -> str:
    """What the daemon at `path` works on; "" where it does not say."""
    try:
        answer: object = json.loads(ask(path))
    except (LivecamError, ValueError, RecursionError):
        return ""
    match answer:
        case {"status": {"provider": str(provider)}}:
            return provider
        case _:
            return ""
