"""Which backend runs the networks: best first for each kind of card, and for every other one why it is not taken.

Nothing falls back in silence: a backend that was named and cannot be had is an error with its reason, and ``auto``
takes the first that is proven to work.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from livecam.config import Provider
from livecam.errors import ConfigError, LivecamError
from livecam.inference.card import Card, NoCard
from livecam.inference.plan_key import Flavour


class Backend(StrEnum):
    """What runs networks; what a user writes as ``--provider``."""

    RTX = "rtx"
    """Compiled by TensorRT for RTX."""
    TENSORRT = "tensorrt"
    """Compiled by full TensorRT."""
    CUDA = "cuda"
    """ONNX Runtime on an NVIDIA card."""
    DIRECTML = "directml"
    """ONNX Runtime on any card of Windows."""
    COREML = "coreml"
    """ONNX Runtime on a Mac's own units."""
    OPENVINO = "openvino"
    """ONNX Runtime with Intel's plugin: processors with 16-bit units."""
    CPU = "cpu"
    """ONNX Runtime on the processor."""
    REMOTE = "remote"
    """A server of the KServe protocol. Never chosen by itself: a face's crops leave the computer."""

    @property
    def flavour(self) -> Flavour | None:
        """The TensorRT that compiles for it; None where ONNX Runtime runs the network as it is."""
        return _FLAVOURS.get(self)


_FLAVOURS: Final[Mapping[Backend, Flavour]] = {
    Backend.RTX: Flavour.RTX,
    Backend.TENSORRT: Flavour.TENSORRT,
}

_NOT_FOR_SMALL: Final = (Backend.RTX, Backend.TENSORRT, Backend.OPENVINO, Backend.REMOTE)

RTX_CARDS: Final = (75, 80, 86, 89, 120, 121)
"""Generations of cards that TensorRT for RTX compiles for: its ``ComputeCapability`` in 1.7."""
_OLDEST_CARD: Final = 75
"""For both kinds of TensorRT: RTX 20 and GTX 16."""
_LEAST_CUDA: Final = 13_000
"""Of the driver, as 1000 * major + 10 * minor: the packages of the extras are for CUDA 13."""
_DRIVER: Final = "580"
"""The first driver that knows CUDA 13."""
_RTX_PYTHON: Final = (3, 12)

NVIDIA: Final = (Backend.RTX, Backend.TENSORRT, Backend.CUDA)
"""Backends of NVIDIA's cards."""
_REST: Final = (Backend.DIRECTML, Backend.COREML, Backend.OPENVINO, Backend.CPU)


class Outlook(StrEnum):
    """What becomes of a backend when ``auto`` chooses."""

    TAKEN = "taken"
    USABLE = "usable"
    """It works, but another comes first."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a backend cannot be had.

    Attributes:
        reason: A sentence.
        next_step: What would change it; "" where nothing would.
    """

    reason: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a backend on a computer.

    Attributes:
        backend: Which.
        outlook: What becomes of it.
        reason: Why, as a sentence.
        next_step: What would change it; "" where nothing would.
    """

    backend: Backend
    outlook: Outlook
    reason: str
    next_step: str = ""


class Facts(Protocol):
    """What a computer has. `livecam.inference.this_computer` asks the real one; answers are remembered."""

    @property
    def system(self) -> str:
        """``Linux``, ``Darwin`` or ``Windows``."""
        ...

    @property
    def python(self) -> tuple[int, int]:
        """Version of the interpreter."""
        ...

    def card(self) -> Card | NoCard:
        """The first NVIDIA graphics card, or why there is none."""
        ...

    def trouble(self, backend: Backend) -> LivecamError | None:
        """What the software of `backend` says when it is started; None where it starts."""
        ...


def order(facts: Facts) -> tuple[Backend, ...]:
    """All backends, the quickest first that could be.

    Plans come before ONNX Runtime on the same card, and Intel's plugin, which is there because the user wanted it,
    before ONNX Runtime's own way on the processor.
    """
    return (*_on_nvidia(facts.card()), *_REST)


def survey(facts: Facts) -> tuple[Verdict, ...]:
    """A verdict on every backend, in the order in which ``auto`` asks for them. Starts all that might work."""
    found, taken = [], None
    for backend in order(facts):
        refusal = judge(backend, facts)
        if refusal is not None:
            found.append(Verdict(backend, Outlook.REFUSED, refusal.reason, refusal.next_step))
        elif taken is None:
            taken = backend
            found.append(Verdict(backend, Outlook.TAKEN, _praise(backend, facts)))
        else:
            step = f"To have it all the same: --provider {backend}"
            found.append(Verdict(backend, Outlook.USABLE, f"It works, but {taken} comes first here.", step))
    return tuple(found)


def choose(
    asked: Provider, facts: Facts, tuned: Backend | None = None, lost: Collection[Backend] = frozenset()
) -> Backend:
    """The backend for a network. Starts no more of them than it must.

    Args:
        asked: What the user wants.
        facts: The computer.
        tuned: What was measured to be the quickest for the network (`livecam.inference.tuned`); counts for ``auto``.
        lost: Backends that have failed since; ``auto`` passes them over, and one that was named stays named.

    Raises:
        ConfigError: The one that was named cannot be had, or none can; the sentence says why.
    """
    if asked is not Provider.AUTO:
        return _named(Backend(asked), facts)
    wanted = dict.fromkeys([*([tuned] if tuned is not None else []), *order(facts)])
    refusals = []
    for backend in wanted:
        if backend in lost:
            continue
        refusal = judge(backend, facts)
        if refusal is None:
            return backend
        refusals.append(refusal)
    reason = refusals[-1].reason if refusals else "All that worked have failed."
    raise ConfigError(f"No backend can run networks here. {reason}", "See: livecam doctor")


def embedded_backend(asked: Provider) -> Backend:
    """The backend for the embedded networks, which follow the face: the processor for all but ONNX Runtime on a card.

    They are too small to gain from being compiled, so a kind of TensorRT that was named is for the networks of a preset
    alone. So is OpenVINO: in 16 bit it takes as long for them (2.7 against 2.8 ms), and errs by 5 to 13 % on noise.
    """
    if asked is Provider.AUTO or Backend(asked) in _NOT_FOR_SMALL:
        return Backend.CPU
    return Backend(asked)


def judge(backend: Backend, facts: Facts) -> Refusal | None:
    """Why `backend` cannot be had here; None where it can, which is then proven by starting it."""
    refusal = _unfit(backend, facts)
    if refusal is not None:
        return refusal
    trouble = facts.trouble(backend)
    return None if trouble is None else Refusal(trouble.what, _mended(backend, trouble, facts))


def outdated(card: Card) -> Refusal | None:
    """Why the driver of `card` is too old for the packages of the extras; None where it is new enough."""
    if card.cuda >= _LEAST_CUDA:
        return None
    told = f"The driver of {card} knows CUDA up to {card.cuda_told}, and {_LEAST_CUDA // 1000}.0 is needed."
    return Refusal(told, f"Install NVIDIA driver {_DRIVER} or later.")


def _named(backend: Backend, facts: Facts) -> Backend:
    refusal = judge(backend, facts)
    if refusal is not None:
        step = refusal.next_step or "Or let livecam choose: --provider auto"
        raise ConfigError(f"The backend {backend} was named but cannot be used: {_small(refusal.reason)}", step)
    return backend


def _on_nvidia(card: Card | NoCard) -> tuple[Backend, ...]:
    if isinstance(card, NoCard) or card.sm in RTX_CARDS:
        return NVIDIA
    if card.sm < _OLDEST_CARD:
        return (Backend.CUDA, Backend.TENSORRT, Backend.RTX)
    return (Backend.TENSORRT, Backend.CUDA, Backend.RTX)


def _unfit(backend: Backend, facts: Facts) -> Refusal | None:
    """Why the computer is not one for `backend`, whatever is installed."""
    if backend is Backend.DIRECTML and facts.system != "Windows":
        return Refusal("DirectML is a part of Windows.")
    if backend is Backend.COREML and facts.system != "Darwin":
        return Refusal("Core ML is a part of macOS.")
    if backend not in NVIDIA:
        return None
    card = facts.card()
    if isinstance(card, NoCard):
        return Refusal(card.reason, card.next_step)
    return _card_unfit(backend, card) or _versions_unfit(backend, card, facts)


def _card_unfit(backend: Backend, card: Card) -> Refusal | None:
    if backend is Backend.RTX and card.sm not in RTX_CARDS:
        known = ", ".join(f"sm_{sm}" for sm in RTX_CARDS)
        step = 'For this card: pip install "livecam[tensorrt]"' if card.sm >= _OLDEST_CARD else ""
        return Refusal(f"TensorRT for RTX knows {known}, and {card} is none of them.", step)
    if backend is Backend.TENSORRT and card.sm < _OLDEST_CARD:
        return Refusal(f"TensorRT knows cards from sm_{_OLDEST_CARD} on, and {card} is older.")
    return None


def _versions_unfit(backend: Backend, card: Card, facts: Facts) -> Refusal | None:
    if backend is Backend.RTX and facts.python < _RTX_PYTHON:
        python = ".".join(map(str, facts.python))
        step = 'Install livecam under Python 3.12 or 3.13: pip install "livecam[rtx]"'
        return Refusal(f"TensorRT for RTX has no package for Python {python}.", step)
    return outdated(card) if backend.flavour is not None else None


def _mended(backend: Backend, trouble: LivecamError, facts: Facts) -> str:
    """What to do about `trouble`; an old driver is the usual reason why ONNX Runtime's CUDA does not start."""
    card = facts.card()
    old = outdated(card) if isinstance(card, Card) else None
    if backend is Backend.CUDA and old is not None:
        return f"{trouble.next_step} {old.next_step}".strip()
    return trouble.next_step


def _praise(backend: Backend, facts: Facts) -> str:
    card = facts.card()
    if backend in NVIDIA and isinstance(card, Card):
        return f"It is the quickest for {card}."
    if backend is Backend.OPENVINO:
        return "It is the quickest way on a processor."
    if backend is Backend.CPU:
        return "The processor runs the networks: it is the best that works here."
    return "It is the best that works here."


def _small(sentence: str) -> str:
    """`sentence` as it goes on after a colon; names keep their capitals."""
    first = sentence.split(" ", 1)[0]
    return sentence[0].lower() + sentence[1:] if first in {"It", "The", "There", "This", "Its"} else sentence
