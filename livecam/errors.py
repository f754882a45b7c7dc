"""Every error a user can meet: what happened, to which thing, and what to do next.

The tree is small on purpose. The two questions the daemon asks of an error are "does it come back by itself"
(`SourceLost`, `SinkLost`) or "is it final" (`SourceGone`, `SinkGone`, everything else).
"""

from typing import ClassVar


class LivecamError(Exception):
    """A failure that can be told to the user in a sentence.

    Args:
        what: What happened, naming the device, file or key.
        next_step: What the user can do about it, usually a command. Empty when there is nothing to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(f"{what} {next_step}".strip())
        self.what = what
        self.next_step = next_step


class ConfigError(LivecamError):
    """A setting, flag, key or spec that cannot be used as written."""

    exit_code: ClassVar[int] = 2


class ExtraMissing(LivecamError):
    """A driver was named whose optional dependency is not installed."""


class SourceError(LivecamError):
    """A source could not deliver a frame."""


class SourceLost(SourceError):
    """The source is away for now; opening it again may help."""


class SourceHangs(SourceLost):
    """The source's driver does not return, so that this process cannot open the device again; another one may."""


class SourceGone(SourceError):
    """The source has ended or can never be opened; opening it again is pointless."""


class SourceEnded(SourceGone):
    """The source came to its normal end, such as a file that is not looped."""


class SinkError(LivecamError):
    """A sink could not take a picture."""


class SinkLost(SinkError):
    """The sink is away for now; opening it again may help."""


class SinkGone(SinkError):
    """The sink can never be opened as configured."""


class ModelError(LivecamError):
    """A network file, recipe or conversion is not what it should be."""


class WeightsMissing(ModelError):
    """A network's file is not on this machine."""


class WeightsCorrupt(ModelError):
    """A network's file does not have the digest it must have."""


class DownloadFailed(ModelError):
    """A network's file could not be fetched."""


class EngineError(LivecamError):
    """A network could not be loaded on the backend that was asked for, or failed while running."""


class DeviceError(EngineError):
    """The graphics card or its driver failed; what was on the card is lost, and its side must be started anew."""


class ContractError(LivecamError):
    """A stage returned something of the wrong shape, dtype or range, or values that are not finite."""


class FaceUncovered(ContractError):
    """A swap would cover too little of a face: it is turned too far away, or hidden. The next frame may do."""


class PersonaError(LivecamError):
    """A persona does not exist, or its stored files cannot be used."""


class ConsentRefused(PersonaError):
    """A persona may not be worn, or not for this: its consent is not given, not valid, or cannot be proven."""


class PhotoRefused(PersonaError):
    """A photo cannot serve as a persona: no face, several faces, too small, turned away, unreadable."""


class StopFailed(LivecamError):
    """A thread did not end when told to."""


class DriverHangs(LivecamError):
    """A driver or network has not returned for so long that only another process can help."""

    exit_code: ClassVar[int] = 75
    """EX_TEMPFAIL of sysexits.h: start it again."""


class StudioError(LivecamError):
    """The studio cannot do what it was asked to: a slot, a file or a licence is missing, or a picture did not pass."""


class StudioMemory(StudioError):
    """The memory does not suffice for a picture; the sentence names the next smaller setting."""


class StudioCancelled(StudioError):
    """The studio's work was ended by the user; nothing was written."""

    exit_code: ClassVar[int] = 130
    """As a shell tells an interrupt."""
