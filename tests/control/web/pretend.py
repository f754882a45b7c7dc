"""A run and a face bank that exist only in words, for the panel."""

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np

from livecam.control.desk import Desk, Json
from livecam.control.web.log_lines import LogLines
from livecam.control.web.port import Naming, Renewal, Side
from livecam.core.frame import Size
from livecam.core.settings import Settings
from livecam.errors import PersonaError, PhotoRefused
from livecam.output.preview_feed import Feed
from livecam.output.preview_pixels import SmallImage, SmallPicture, Whole
from tests.control.pretend import PretendPort

SIZE = Size(320, 240)


class PretendBank:
    """Personas in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Json]] = {"nobody": {}, "ann": {}}
        self.drafts: list[bytes] = []
        self.renewed: list[Renewal] = []
        self.changes = 0
        self.free = threading.Event()
        self.free.set()

    def mark(self) -> object:
        return self.changes

    def cards(self) -> Sequence[Mapping[str, Json]]:
        return [{"name": name, **worn_as} for name, worn_as in self.kept.items()]

    def thumbnail(self, name: str) -> bytes:
        self._known(name)
        return b"\xff\xd8 a thumbnail"

    def draft(self, data: bytes, filename: str) -> Mapping[str, Json]:
        assert self.free.wait(60)
        if not data:
            raise PhotoRefused(f"{filename} is no photo.")
        self.drafts.append(data)
        return {"draft": str(len(self.drafts)), "quality": {}, "advice": [], "thumbnail": "data:image/jpeg;base64,"}

    def shot(self) -> Mapping[str, Json]:
        return self.draft(b"a frame", "shot.png")

    def add(self, naming: Naming) -> str:
        if naming.name in self.kept and not naming.replace:
            raise PersonaError(f"There is a persona {naming.name!r} already.")
        self.kept[naming.name] = {"basis": naming.basis}
        return f"Added {naming.name}."

    def remove(self, name: str) -> str:
        self._known(name)
        del self.kept[name]
        return f"Removed {name}."

    def revoke(self, name: str) -> str:
        self._known(name)
        self.kept[name] |= {"revoked": "now"}
        return f"The consent for {name} is taken back."

    def renew(self, name: str, renewal: Renewal) -> str:
        self._known(name)
        self.renewed.append(renewal)
        return f"The consent for {name} is renewed."

    def change(self, name: str, worn_as: Mapping[str, Json]) -> str:
        self._known(name)
        self.kept[name] |= worn_as
        return f"Changed {name}."

    def _known(self, name: str) -> None:
        if name not in self.kept:
            raise PersonaError(f"There is no persona {name!r}.")


class PretendPanel:
    """A run. `looking` holds up whoever looks at the machine."""

    def __init__(self) -> None:
        self.port = PretendPort()
        self.desk = Desk(self.port)
        self.log = LogLines()
        self.bank = PretendBank()
        self.looking = threading.Event()
        self.looking.set()
        self.no_output = ""
        self.reads = 0
        self.feeds: dict[Side, Feed] = {}

    def settings(self) -> Settings:
        self.reads += 1
        return self.port.settings()

    def status(self) -> Mapping[str, Json]:
        return self.port.status()

    def figures(self) -> Mapping[str, Json]:
        return {"fps": 30.0, "stages": {"whole": {"p50": 8.0, "p95": 11.0}}, "age_histogram": [[20, 3], [40, 9]]}

    def cameras(self) -> Sequence[Mapping[str, Json]]:
        assert self.looking.wait(60)
        return [{"spec": "camera:0", "name": "Webcam", "detail": ""}]

    def outputs(self) -> Mapping[str, Json]:
        return {"outputs": [{"spec": "null", "name": "null", "open": True, "problem": ""}], "available": []}

    def doctor(self) -> Sequence[Mapping[str, Json]]:
        assert self.looking.wait(60)
        return [{"area": "python", "level": "ok", "said": "It is there.", "next": ""}]

    def presets(self) -> Sequence[Mapping[str, Json]]:
        return [{"name": "mesh", "summary": "", "ready": True, "missing": [], "cost": ""}]

    def previews(self) -> Mapping[Side, Feed | str]:
        self.feeds = {
            Side.INPUT: Feed(SmallImage(SIZE, 160), 15, 70),
            Side.OUTPUT: Feed(SmallPicture(SIZE, 160), 15, 70),
            Side.PICTURE: Feed(Whole(SIZE), 30, 85),
        }
        output = {side: self.no_output for side in (Side.OUTPUT, Side.PICTURE) if self.no_output}
        return self.feeds | output

    def show(self, stop: threading.Event, luma: int = 200) -> None:
        """Offer pictures and frames at about 60 a second until `stop` is set."""
        picture = np.full(SIZE.picture_shape, 128, dtype=np.uint8)
        picture[: SIZE.height] = luma
        frame = np.full(SIZE.image_shape, luma, dtype=np.uint8)
        while not stop.is_set():
            self.feeds[Side.INPUT].offer(frame)
            self.feeds[Side.OUTPUT].offer(picture)
            self.feeds[Side.PICTURE].offer(picture)
            time.sleep(1 / 60)
