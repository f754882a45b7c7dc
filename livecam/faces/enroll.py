"""Enrolment: a slow turn of the head becomes a few sharp views of one person, and a sealed template of them.

What is kept are numbers that a face is told by, never a picture; see `livecam.faces.vault` for how.
"""

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.core.geometry import similarity
from livecam.errors import PersonaError
from livecam.faces.names import checked_name, same
from livecam.faces.store import make_home, unwritable
from livecam.faces.vault import Vault
from livecam.vision.mesh.pose import Angles
from livecam.vision.mesh.topology import rigid_fitter
from livecam.vision.wearer import Look, Views

YAWS: Final = (-30.0, -15.0, 0.0, 15.0, 30.0)
"""Degrees; the image's right is positive."""
PITCHES: Final = (-12.0, 0.0, 12.0)
LEAST_VIEWS: Final = 5
FOLDER: Final = "wearers"
"""Where enrolments are kept, in the folder of what must not be lost."""

_SUFFIX: Final = ".wearer"
_LARGEST: Final = 1 << 20
_VERSION: Final = 1
_SHARP_SIDE: Final = 128
_PLACES: Final = np.array([[42, 46], [86, 46], [64, 70], [46, 94], [82, 94]], np.float32)


@dataclass(frozen=True, slots=True)
class Template:
    """One enrolled person.

    Attributes:
        name: Of the person.
        look: What the views are of: `Look.told` of the look that made them; another look's are of no use.
        views: (K, L) f32, rows of length 1.
        made: UTC time, ISO 8601.
    """

    name: str
    look: str
    views: Views
    made: str


@dataclass(slots=True)
class _View:
    sharpness: float
    seen: Views


class Guide:
    """Takes frames of one person who turns the head, keeps the sharpest view of each side, and says what is missing.

    Args:
        look: What the person is told by.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._fit = rigid_fitter()
        self._kept: dict[tuple[int, int], _View] = {}
        self._refused = 0
        self.hint = "Look into the camera."

    def take(self, image: Image, faces: tuple[Face, ...]) -> bool:
        """Look at one frame; whether it brought something new.

        Args:
            image: (H, W, 3) u8 BGR; only read.
            faces: Those in it, with mesh landmarks.

        Raises:
            EngineError, ContractError: A network failed.
        """
        if len(faces) != 1:
            self.hint = "Nobody is seen." if not faces else "Somebody else is in the picture: only one person, please."
            return False
        face = faces[0]
        seen = self._look(image, face)
        if seen is None:
            self.hint = "Come nearer, or turn back a little."
            return False
        if not self._fits(seen):
            self._refused += 1
            self.hint = "This looks like somebody else: only one person, please."
            return False
        kept = self._keep(self._side(face), sharpness(image, face), seen)
        self.hint = self._wish()
        return kept

    @property
    def progress(self) -> float:
        """0..1: how much of what is wanted is there."""
        return min(1.0, len(self._kept) / (len(YAWS) + len(PITCHES) - 1))

    def template(self, name: str, now: datetime | None = None) -> Template:
        """The template of what was seen.

        Raises:
            PersonaError: It does not suffice; the sentence says what is missing.
        """
        yaws = {yaw for yaw, _ in self._kept}
        centre = YAWS.index(0.0)
        if len(self._kept) < LEAST_VIEWS or min(yaws) >= centre or max(yaws) <= centre:
            raise PersonaError(
                f"Too little was seen: {len(self._kept)} views of at least {LEAST_VIEWS}, "
                f"from {'both sides' if yaws and min(yaws) < centre < max(yaws) else 'one side only'}.",
                "Enrol again: face the light, and turn the head slowly to both sides, up and down.",
            )
        views = np.stack([view.seen for _, view in sorted(self._kept.items())])
        stamp = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        return Template(checked_name(name), self._look.told, views, stamp)

    def _fits(self, seen: Views) -> bool:
        """Whether this may be the person of the views so far."""
        return not self._kept or max(float(view.seen @ seen) for view in self._kept.values()) > self._look.other

    def _side(self, face: Face) -> tuple[int, int]:
        points = np.column_stack([face.landmarks.points, face.depth]).astype(np.float32)
        angles: Angles = self._fit(points).angles
        return _nearest(angles.yaw, YAWS), _nearest(angles.pitch, PITCHES)

    def _keep(self, side: tuple[int, int], sharpness: float, seen: Views) -> bool:
        before = self._kept.get(side)
        if before is not None and before.sharpness >= sharpness:
            return False
        self._kept[side] = _View(sharpness, seen)
        return before is None

    def _wish(self) -> str:
        """What the person is to do next."""
        yaws, pitches = {yaw for yaw, _ in self._kept}, {pitch for _, pitch in self._kept}
        if YAWS.index(0.0) not in yaws:
            return "Look into the camera."
        # A mirror's left: that of the person who looks into the camera.
        for wanted, hint in ((0, "Turn slowly to your right."), (len(YAWS) - 1, "Turn slowly to your left.")):
            if wanted not in yaws:
                return hint
        for wanted, hint in ((0, "Look down a little."), (len(PITCHES) - 1, "Look up a little.")):
            if wanted not in pitches:
                return hint
        return "Turn slowly to all sides."


def names_in(folder: Path) -> tuple[str, ...]:
    """Everybody enrolled in `folder`, in order; nobody where there is no such folder. Touches no key.

    Raises:
        PersonaError: It cannot be told; that must not be taken for nobody.
    """
    try:
        files = os.listdir(folder)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise PersonaError(
            f"It cannot be told who is enrolled: {folder} cannot be read ({error.strerror}).", "Check its permissions."
        ) from None
    return tuple(sorted(file.removesuffix(_SUFFIX) for file in files if file.endswith(_SUFFIX) and file[0] != "."))


class Enrolled:
    """The sealed templates of a folder. Any process; a template is there whole or not at all.

    Args:
        folder: One file for each person; made when the first is kept.
        vault: Seals them.
    """

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault

    def names(self) -> tuple[str, ...]:
        """Everybody enrolled, in order.

        Raises:
            PersonaError: It cannot be told.
        """
        return names_in(self._folder)

    def keep(self, template: Template) -> None:
        """Keep `template`; one of that name is replaced.

        Raises:
            PersonaError: The disk refused.
        """
        path = self._path(template.name)
        make_home(self._folder)
        fresh = path.with_name(f".{path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            fresh.touch(mode=0o600)
            fresh.write_bytes(self._vault.seal(_packed(template), template.name))
            fresh.replace(path)
        except OSError as error:
            raise unwritable(path, error) from None

    def load(self, name: str) -> Template:
        """The template of `name`.

        Raises:
            PersonaError: There is none, or it cannot be used.
        """
        path = self._path(name)
        try:
            with path.open("rb") as file:
                sealed = file.read(_LARGEST + 1)
        except OSError as error:
            raise PersonaError(
                f"Nobody is enrolled as {name!r} ({error.strerror}).", "`livecam enroll --list` says who is."
            ) from None
        return _unpacked(self._vault.open(sealed, path.stem), path.stem)

    def load_all(self) -> Mapping[str, Template]:
        """Everybody's, by name.

        Raises:
            PersonaError: One cannot be used; the sentence names it.
        """
        return {name: self.load(name) for name in self.names()}

    def forget(self, name: str) -> None:
        """Delete the template of `name`.

        Raises:
            PersonaError: There is none, or the disk refused.
        """
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise PersonaError(f"Nobody is enrolled as {name!r}.", "`livecam enroll --list` says who is.") from None
        except OSError as error:
            raise unwritable(path, error) from None

    def _path(self, name: str) -> Path:
        checked = checked_name(name)
        # Where case does not count, one person has one file.
        known = next((other for other in self.names() if same(other, checked)), checked)
        return self._folder / f"{known}{_SUFFIX}"


def _nearest(angle: float, angles: tuple[float, ...]) -> int:
    return min(range(len(angles)), key=lambda place: abs(angles[place] - angle))


def sharpness(image: Image, face: Face) -> float:
    """Variance of the Laplacian of the aligned face, in levels squared, whatever its size in the frame."""
    crop = cv2.warpAffine(image, similarity(face.landmarks.five, _PLACES), (_SHARP_SIDE, _SHARP_SIDE))
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def _packed(template: Template) -> bytes:
    views = io.BytesIO()
    np.save(views, template.views.astype(np.float32), allow_pickle=False)
    about = {"version": _VERSION, "name": template.name, "look": template.look, "made": template.made}
    return json.dumps(about).encode() + b"\n" + views.getvalue()


def _unpacked(content: bytes, name: str) -> Template:
    """What `_packed` was given.

    Raises:
        PersonaError: It is of another version, or not of `name`.
    """
    head, _, body = content.partition(b"\n")
    try:
        about = json.loads(head)
        views = np.load(io.BytesIO(body), allow_pickle=False)
        if about["version"] != _VERSION or about["name"] != name or views.ndim != 2 or not np.isfinite(views).all():
            raise ValueError(f"version {about['version']}")
        return Template(name, str(about["look"]), views.astype(np.float32), str(about["made"]))
    except (ValueError, KeyError, TypeError, EOFError, RecursionError) as error:
        raise PersonaError(f"The enrolment of {name!r} cannot be used: {error}.", "Enrol again.") from None
