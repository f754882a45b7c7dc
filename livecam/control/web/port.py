"""What the panel orders from and shows: the run and the face bank, as protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from livecam.control.desk import Desk, Json
from livecam.control.web.log_lines import LogLines
from livecam.core.settings import Settings
from livecam.output.preview_feed import Feed


class Side(StrEnum):
    """Which preview."""

    INPUT = "input"
    OUTPUT = "output"
    PICTURE = "picture"
    """The output in its full size, for OBS."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How a new persona is to be kept.

    Attributes:
        name: Its name.
        drafts: Ids of the photos it is made of.
        basis: Of the consent, such as ``self``.
        subject: Whose face it is.
        replace: Whether one of that name is replaced.
        scope: For what it may be worn, such as ``live``; empty for what is usual on that ground.
        expires: The day on which that ends, such as ``2027-01-01``; "" for never.
    """

    name: str
    drafts: tuple[str, ...]
    basis: str
    subject: str
    replace: bool
    scope: tuple[str, ...] = ()
    expires: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is said of a consent that is given anew; None leaves a thing as it was.

    Attributes:
        basis: Its ground, such as ``self``.
        subject: Whose face it is.
        scope: For what it may be worn, such as ``live``; at least one.
        expires: The day on which that ends, such as ``2027-01-01``; ``never`` for no end.
    """

    basis: str | None = None
    subject: str | None = None
    scope: tuple[str, ...] | None = None
    expires: str | None = None


class Bank(Protocol):
    """The personas. Any thread; everything but `mark` may take long. Errors are `LivecamError`."""

    def mark(self) -> object:
        """Differs from the last one when something changed. O(1)."""
        ...

    def cards(self) -> Sequence[Mapping[str, Json]]:
        """What is known of every persona."""
        ...

    def thumbnail(self, name: str) -> bytes:
        """A small JPEG image."""
        ...

    def draft(self, data: bytes, filename: str) -> Mapping[str, Json]:
        """Take in one photo: ``draft`` (its id), ``quality``, ``advice`` and ``thumbnail`` (a data URL)."""
        ...

    def shot(self) -> Mapping[str, Json]:
        """Take in the camera's next frame, as `draft` does a photo."""
        ...

    def add(self, naming: Naming) -> str:
        """Make a persona of drafts; what holds now."""
        ...

    def remove(self, name: str) -> str:
        """Remove a persona; what holds now."""
        ...

    def revoke(self, name: str) -> str:
        """Take the consent for a persona back; what holds now."""
        ...

    def renew(self, name: str, renewal: Renewal) -> str:
        """Give the consent for a persona anew; what holds now."""
        ...

    def change(self, name: str, worn_as: Mapping[str, Json]) -> str:
        """Change how a persona is worn, by ``favourite``, ``preset``, ``blend``, ``colour``, ``shape``; None unsets."""
        ...


class PanelPort(Protocol):
    """A run. `settings`, `status` and `figures` are O(1), any thread; the others may take long."""

    @property
    def desk(self) -> Desk:
        """Where orders go."""
        ...

    @property
    def log(self) -> LogLines:
        """The last lines of the log."""
        ...

    @property
    def bank(self) -> Bank:
        """The personas."""
        ...

    def settings(self) -> Settings:
        """In force."""
        ...

    def status(self) -> Mapping[str, Json]:
        """How the run goes."""
        ...

    def figures(self) -> Mapping[str, Json]:
        """Durations, ages and drops."""
        ...

    def cameras(self) -> Sequence[Mapping[str, Json]]:
        """Sources there are: ``spec``, ``name``, ``detail``."""
        ...

    def outputs(self) -> Mapping[str, Json]:
        """``outputs``: ``spec``, ``name``, ``open``, ``problem``; ``available``: ``spec``, ``name``, ``detail``."""
        ...

    def doctor(self) -> Sequence[Mapping[str, Json]]:
        """Findings: ``area``, ``level``, ``said``, ``next``."""
        ...

    def presets(self) -> Sequence[Mapping[str, Json]]:
        """``name``, ``summary``, ``ready``, ``missing``, ``cost``."""
        ...

    def previews(self) -> Mapping[Side, Feed | str]:
        """A new feed for each preview, in place of the one before, or why there is none in this run."""
        ...
