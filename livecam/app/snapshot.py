"""``snapshot``: the next picture that leaves, other than the slate, as a PNG file."""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import cv2

from livecam.app.outlets import Outlets
from livecam.app.provenance.signer import Signer, waited
from livecam.core.cleared import Cleared, How
from livecam.core.frame import Picture, Size
from livecam.errors import LivecamError, SinkError
from livecam.output.disk import create, remove

WAIT_S: Final = 2.0
"""How long a picture is waited for."""

_SIGNED_S: Final = 2.0
"""How long its signature is waited for."""


class _Once:
    """A sink that keeps one picture: the first that is not the slate. It is small; the tee takes it away again."""

    name = "snapshot"

    def __init__(self) -> None:
        self.taken = threading.Event()
        self.picture: Picture | None = None
        self.swapped = False

    def open(self, size: Size, fps: float) -> None:
        """Nothing is needed."""

    def send(self, cleared: Cleared) -> None:
        """Copy the picture, if it is the first one."""
        if cleared.how is not How.SLATE and not self.taken.is_set():
            self.picture, self.swapped = cleared.picture.copy(), cleared.how is How.SWAPPED
            self.taken.set()

    def close(self) -> None:
        """Nothing is held."""


def snapshot(
    outlets: Outlets,
    folder: Path,
    why: Callable[[], str],
    signer: Signer,
    kept: Callable[[Path], None] = lambda path: None,
) -> str:
    """Keep the next picture that is cleared and not the slate, in `folder`; says where, and whether it is signed.

    Args:
        outlets: Where pictures go.
        folder: Made if it is not there.
        why: Why there is only the slate.
        signer: Signs it.
        kept: Told where it is.

    Raises:
        LivecamError: None came in time, or the file cannot be written.
    """
    once = _Once()
    outlets.bring(once, listens=True)
    try:
        once.taken.wait(WAIT_S)
    finally:
        outlets.take(once)
    if once.picture is None:
        reason = f": {why()}" if why() else ""
        raise LivecamError(
            f"No picture was cleared within {WAIT_S:g} s, the slate is shown{reason}.",
            "Try again when `livecam ctl status` says that it shows live.",
        )
    path = _written(once.picture, folder / f"snapshot-{datetime.now():%Y-%m-%d_%H-%M-%S}.png")
    kept(path)
    return f"Kept as {path}, {waited(signer.submit(path, 'snapshot', once.swapped), _SIGNED_S)}."


def _written(picture: Picture, wanted: Path) -> Path:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420))
    view = memoryview(encoded.tobytes())
    path = None
    try:
        raw, path = create(wanted, overwrite=False)
        try:
            while view:
                view = view[raw.write(view) or 0 :]
        finally:
            raw.close()
    except OSError as error:
        if path is not None:
            remove(path)
        reason = error.strerror or error
        raise SinkError(f"{wanted} cannot be written: {reason}.", "Name another folder with --recordings.") from None
    return path
