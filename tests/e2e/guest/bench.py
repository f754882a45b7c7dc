"""What every job is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.privacy.slate import draw_slate
from tests.e2e.guest.ledger import Ledger
from tests.e2e.guest.readers import Look, Reader, Reading, Seen, opencv
from tests.e2e.picture import SIZE

VIVID: Final = "/dev/video0"
WEBCAM: Final = "/dev/video8"
VIRTUAL: Final = "/dev/video9"
START_S: Final = 40.0
"""How long a daemon may take to its first live picture: the guest has one slow processor."""
_TORN_SHARE: Final = 0.01
_TEXT: Final = "One moment, please"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a job works and writes down what it finds.

    Attributes:
        ledger: For its checks.
        clips: Folder of the drawn clips.
        out: Folder for logs and reports.
        slate: What the daemon shows when it has nothing to show.
    """

    ledger: Ledger
    clips: Path
    out: Path
    slate: Image

    def reader(self, reading: Reading = opencv, look: Look | None = None) -> Reader:
        """A reader of the virtual camera."""

        def noted(image: Image, seen: Seen) -> None:
            if seen.foreign:
                self.ledger.foreign += 1
            if look is not None:
                look(image, seen)

        return Reader(VIRTUAL, reading, self.slate, noted)

    def only_known(self, reader: Reader, name: str) -> None:
        """Check that each picture of `reader` was the camera's, the slate, black or torn, and of the one size."""
        foreign, torn = sum(one.foreign for one in reader.seen), sum(one.torn for one in reader.seen)
        sizes = ", ".join(sorted({str(one.size) for one in reader.seen}))
        for i, image in enumerate(reader.foreign):
            cv2.imwrite(str(self.out / f"foreign-{self.ledger.job}-{i}.png"), image)
        figure = f"{foreign} of {len(reader.seen)} foreign, {torn} torn, {sizes}"
        good = not foreign and torn <= _TORN_SHARE * len(reader.seen) and sizes == str(SIZE)
        self.ledger.check(name, good, figure, f"0 foreign, <= 1 % torn, {SIZE}", shown=bool(foreign))


def default_slate() -> Image:
    """The slate as the daemon draws it, (H, W, 3) u8 BGR."""
    return np.asarray(draw_slate(SIZE, _TEXT), np.uint8)
