"""A run and a face bank that exist only in words, for the panel to order from and to show."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from livecam.control.desk import Desk, Json
from livecam.control.web.log_lines import LogLines
from livecam.control.web.port import Naming, Renewal, Side
from livecam.core.frame import Image, Size
from livecam.core.settings import Command, Reply, Settings
from livecam.errors import ConsentRefused, PersonaError, PhotoRefused
from livecam.output.preview_feed import Feed
from livecam.output.preview_pixels import SmallImage
from tests.control.pretend import PretendPort

SIZE = Size(320, 180)
SMALL = Size(96, 96)
STAGES = {"track": 2.1, "swap": 3.4, "mask": 0.9, "store": 0.6, "whole": 7.4}


class PretendRun(PretendPort):
    """Counts how often each order came."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.ordered: list[Command] = []
        self.recording = False
        self.picked = "synthetic:demo"
        self.sinks = ["web:", "memory:"]

    def submit(self, command: Command) -> Reply:
        self.ordered.append(command)
        return super().submit(command)

    def record(self, on: bool) -> str:
        self.recording = on
        return super().record(on)

    def source(self, spec: str) -> str:
        self.picked = spec
        return super().source(spec)

    def sink(self, spec: str, on: bool) -> str:
        self.sinks = [*self.sinks, spec] if on else [name for name in self.sinks if name != spec]
        return super().sink(spec, on)


@dataclass
class PretendCard:
    """What the bank says of one persona."""

    name: str
    built_in: bool = False
    favourite: int | None = None
    problem: str = ""
    revoked: str = ""
    advice: list[Json] = field(default_factory=list)
    basis: str = "synthetic"
    subject: str = "nobody at all"
    scope: list[Json] = field(default_factory=list)
    expires: str = ""
    own: dict[str, Json] = field(default_factory=dict)

    def json(self, worn: str) -> dict[str, Json]:
        quality: dict[str, Json] = {"pixels": 412, "sharpness": 0.71, "yaw": 3.2, "advice": self.advice}
        usual: dict[str, Json] = {"preset": None, "blend": None, "colour": None, "shape": None}
        return {
            "name": self.name,
            "built_in": self.built_in,
            "worn": self.name == worn,
            "photos": 1,
            "basis": self.basis,
            "subject": self.subject,
            "scope": self.scope,
            "expires": self.expires,
            "added": "" if self.built_in else "2026-11-20T10:00:00+00:00",
            "problem": self.problem,
            "revoked": self.revoked,
            "favourite": self.favourite,
            "quality": quality,
            **usual,
            **self.own,
        }


class PretendBank:
    """Keeps what it was told; a photo whose name holds "bad" is refused."""

    def __init__(self, run: PretendRun) -> None:
        self._run = run
        self.kept = {name: PretendCard(name, built_in=name == "nobody") for name in run.names}
        self.pictures: dict[str, bytes] = {}
        self.added: list[Naming] = []
        self.renewals: list[tuple[str, Renewal]] = []
        self.changes: list[tuple[str, Mapping[str, Json]]] = []
        self.drafted: list[str] = []

    def mark(self) -> object:
        return tuple(self.kept), len(self.changes)

    def cards(self) -> Sequence[Mapping[str, Json]]:
        return [card.json(self._run.settings().persona) for card in self.kept.values()]

    def thumbnail(self, name: str) -> bytes:
        if name not in self.kept:
            raise PersonaError(f"There is no persona {name!r}.")
        return self.pictures.get(name) or jpeg(drawn(len(name) * 37 + ord(name[0])))

    def draft(self, data: bytes, filename: str) -> Mapping[str, Json]:
        if "bad" in filename:
            raise PhotoRefused(f"{filename} shows no face.", "Use one where the whole face is seen.")
        self.drafted.append(filename)
        advice: list[Json] = ["The face looks soft: use a sharper picture."] if "soft" in filename else []
        quality: dict[str, Json] = {"pixels": 240, "sharpness": 0.4, "yaw": -12.0, "advice": advice}
        return {"draft": f"d{len(self.drafted)}", "quality": quality, "advice": advice, "thumbnail": PIXEL}

    def shot(self) -> Mapping[str, Json]:
        return self.draft(jpeg(drawn(7)), "shot.png")

    def add(self, naming: Naming) -> str:
        if naming.name in self.kept and not naming.replace:
            raise PersonaError(f"There is a persona {naming.name!r} already.")
        self.added.append(naming)
        self.kept[naming.name] = PretendCard(naming.name, basis=naming.basis, subject=naming.subject)
        self._run.names = tuple(self.kept)
        return f"Added {naming.name}."

    def remove(self, name: str) -> str:
        del self.kept[name]
        self._run.names = tuple(self.kept)
        return f"Removed {name}."

    def revoke(self, name: str) -> str:
        at = "2026-11-21T10:00:00.000+00:00"
        self.kept[name] = replace(self.kept[name], problem="It was taken back.", revoked=at)
        return f"The consent for {name} is taken back."

    def renew(self, name: str, renewal: Renewal) -> str:
        if renewal.subject == "nobody known":
            raise ConsentRefused("There is no such person.")
        self.renewals.append((name, renewal))
        card = self.kept[name]
        basis, subject = renewal.basis or card.basis, renewal.subject or card.subject
        self.kept[name] = replace(card, problem="", revoked="", basis=basis, subject=subject)
        return f"The consent for {name} is renewed."

    def change(self, name: str, worn_as: Mapping[str, Json]) -> str:
        self.changes.append((name, worn_as))
        card = self.kept[name]
        change = dict(worn_as)
        if "favourite" in change:
            number = change.pop("favourite")
            card.favourite = number if isinstance(number, int) else None
        self.kept[name] = replace(card, own=card.own | change)
        return f"{name} is changed."


class PretendPanel:
    """A run as the panel sees it."""

    def __init__(self, names: Sequence[str] = ("nobody", "ann", "bob")) -> None:
        self.run = PretendRun(names)
        self.kept_bank = PretendBank(self.run)
        self.lines = LogLines()
        self.feeds: dict[Side, Feed] = {}
        self.refused = ""
        self.showing, self.note, self.rate = "live", "", 30.0
        self.findings: list[Mapping[str, Json]] = FINDINGS
        self.seconds = 0
        self._over = threading.Event()
        self._desk = Desk(self.run)

    @property
    def desk(self) -> Desk:
        return self._desk

    @property
    def log(self) -> LogLines:
        return self.lines

    @property
    def bank(self) -> PretendBank:
        return self.kept_bank

    def settings(self) -> Settings:
        return self.run.settings()

    def status(self) -> Mapping[str, Json]:
        settings = self.settings()
        return {
            "state": "live",
            "fps": self.rate,
            "age_p50_ms": 31.0,
            "age_p95_ms": 40.6,
            "dropped": 12,
            "showing": "slate" if settings.panic else self.showing,
            "persona": settings.persona,
            "mode": str(settings.mode),
            "provider": "CPU",
            "note": self.note,
            "sinks": self.run.sinks,
            "tier": "full quality",
            "wearer": "by track",
            "recording": self.run.recording,
            "source": self.run.picked,
            "preset": "mesh",
        }

    def figures(self) -> Mapping[str, Json]:
        self.seconds += 1
        wobble = 1 + 0.15 * np.sin(self.seconds / 3)
        bins = np.exp(-((np.arange(24) - 8.5) ** 2) / 9)
        return {
            "stages": {name: {"p50": round(ms * wobble, 3), "p95": round(ms * 1.6, 3)} for name, ms in STAGES.items()},
            "age_histogram": [[24.0 + 2 * place, int(share * 20)] for place, share in enumerate(bins)],
            "age_ms": {"p50": 40.2, "p95": 48.9},
            "dropped": {"skipped": 120, "no-face": 31, "panic": 4},
            "tier": "full quality",
            "tiers": {"full quality": 5400, "small enhancer": 210},
            "fps": 30.0,
            "delay_ms": 43.2,
        }

    def cameras(self) -> Sequence[Mapping[str, Json]]:
        return [
            {"spec": "synthetic:demo", "name": "Drawn nobody", "detail": "no camera needed"},
            {"spec": "camera:0", "name": "HD Webcam", "detail": "1280x720 at 30"},
        ]

    def outputs(self) -> Mapping[str, Json]:
        listed: list[Json] = [
            {"spec": spec, "name": spec.rstrip(":"), "open": True, "problem": ""} for spec in self.run.sinks
        ]
        waiting: Json = {
            "spec": "v4l2:/dev/video9",
            "name": "livecam",
            "open": False,
            "problem": "The device is not there.",
        }
        return {
            "outputs": [*listed, waiting],
            "available": [{"spec": "pipewire:", "name": "PipeWire", "detail": "for the camera portal"}],
        }

    def doctor(self) -> Sequence[Mapping[str, Json]]:
        return self.findings

    def presets(self) -> Sequence[Mapping[str, Json]]:
        missing = ["scrfd_2.5g", "inswapper_128_fp16"]
        return [
            {"name": "mesh", "summary": "", "ready": True, "missing": [], "cost": "about 9 ms a frame on one core"},
            {"name": "balanced", "summary": "", "ready": True, "missing": [], "cost": "88 GFLOP"},
            {"name": "fast", "summary": "", "ready": False, "missing": missing, "cost": "356 GFLOP"},
        ]

    def previews(self) -> Mapping[Side, Feed | str]:
        self.feeds = {side: Feed(SmallImage(SIZE, SIZE.width), 15.0, 80) for side in (Side.INPUT, Side.OUTPUT)}
        return self.feeds | ({Side.OUTPUT: self.refused} if self.refused else {})

    def say(self, text: str, level: int = logging.INFO) -> None:
        """Log a line."""
        self.lines.handle(logging.LogRecord("livecam", level, "", 0, text, None, None))

    def play(self) -> None:
        """Offer pictures to whoever watches, in a thread, until `end`."""
        threading.Thread(target=self._play, daemon=True).start()

    def end(self) -> None:
        """Offer no more pictures."""
        self._over.set()

    def _play(self) -> None:
        hue = 0
        while not self._over.wait(1 / 15):
            hue += 3
            for number, feed in enumerate(list(self.feeds.values())):
                feed.offer(drawn(hue + 90 * number, SIZE))


FINDINGS: list[Mapping[str, Json]] = [
    {"area": "python", "level": "ok", "said": "Python 3.11.2.", "next": ""},
    {"area": "virtual camera", "level": "warn", "said": "None is there.", "next": "sudo modprobe v4l2loopback"},
    {"area": "models", "level": "info", "said": "Only the embedded ones.", "next": "livecam models list"},
]


def drawn(hue: int, size: Size = SMALL) -> Image:
    """A round shape on a colour."""
    image = np.zeros(size.image_shape, np.uint8)
    image[:] = (hue % 180, 90, 190)
    image = np.asarray(cv2.cvtColor(image, cv2.COLOR_HSV2BGR), np.uint8)
    cv2.circle(image, (size.width // 2, size.height // 2), min(size) // 3, (235, 225, 215), -1)
    return image


def jpeg(image: Image) -> bytes:
    """As a file."""
    return cv2.imencode(".jpg", image)[1].tobytes()


PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One pixel."""
