"""Where identity packs are kept: one sealed file in the persona's folder, read without believing it."""

import hashlib
import json
import logging
import re
from typing import Final

import numpy as np

from livecam.errors import ContractError, PersonaError
from livecam.faces.entry import Files
from livecam.faces.likeness import Vectors
from livecam.faces.pack import LENGTH, MOST_VIEWS, MOST_WEIGHT, IdentityPack, KnownBy, Origin, View
from livecam.faces.prepared import Home, Identity, Preparer
from livecam.faces.store import unwritable
from livecam.vision.angles import HeadAngles
from livecam.vision.swap.angled import AngledPreparer
from livecam.vision.swap.identity import NeuralIdentity

log = logging.getLogger(__name__)

KEY: Final = "pack"
"""Of its file, beside those of the swappers."""

VERSION: Final = "pack-1"
LARGEST: Final = 1 << 23
"""Bytes of a pack."""

_LARGEST_PICTURE: Final = 1 << 16
_LONGEST: Final = 100
_UNIT: Final = 1e-3
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ROW: Final = LENGTH * 4
_AGAIN: Final = "Delete it with `livecam faces views NAME --forget`, and make the views again."


class PackStore:
    """The pack of one persona: bound to its photos, and gone with its folder.

    Args:
        files: Of the persona.
    """

    def __init__(self, files: Files) -> None:
        self._name = files.name
        self._home: Home = files.home

    def read(self) -> IdentityPack | None:
        """The pack; None where there is none.

        Raises:
            PersonaError: It was changed, is of other photos, or is none; the sentence says what to do.
        """
        try:
            content = self._home.content(KEY, VERSION, LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"The identity pack of {self._name!r} cannot be read: {error.strerror}."
            raise PersonaError(what, "Check its permissions.") from None
        except PersonaError:
            what = f"The identity pack of {self._name!r} was changed, or is of another persona or other photos."
            raise PersonaError(what, _AGAIN) from None
        try:
            return unpacked(content)
        except ValueError as error:
            raise PersonaError(f"The identity pack of {self._name!r} cannot be used: {error}.", _AGAIN) from None

    def keep(self, pack: IdentityPack) -> None:
        """Keep `pack` in place of what is there, whole or not at all.

        Raises:
            PersonaError: The disk refused, or it holds more than a pack may.
        """
        content = packed(pack)
        try:
            unpacked(content)
        except ValueError as error:
            raise PersonaError(f"The identity pack of {self._name!r} is not kept: {error}.") from None
        self._home.keep_content(KEY, VERSION, content)

    def forget(self) -> bool:
        """Delete it, also one that cannot be read; whether there was one.

        Raises:
            PersonaError: The disk refused.
        """
        path = self._home.path(KEY)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unwritable(path, error) from None
        return True


def identity_of(files: Files, key: str, preparer: Preparer) -> Identity:
    """The identity of a persona for the swapper `key`; by the head's angle too, where that is wanted and it has a pack.

    Raises:
        PhotoRefused: From the preparer.
        PersonaError: The photos cannot be read.
        ModelError, EngineError: From a preparer that had to work.
    """
    if not isinstance(preparer, AngledPreparer):
        return files.home.identity(key, preparer, files.decoded)
    identity = files.home.identity(key, preparer, files.decoded)
    try:
        pack = PackStore(files).read()
        if pack is None:
            return identity
        if pack.known_by != KnownBy(preparer.recogniser, preparer.recogniser_digest):
            log.warning(
                "The identity pack of %s was made with %s, and the swapper here knows people by %s: it is not used.",
                files.name,
                pack.known_by.name,
                preparer.recogniser,
            )
            return identity
        return _angled(files.home, key, preparer, identity, pack)
    except (PersonaError, ContractError) as error:
        log.warning("%s is worn without its identity pack: %s", files.name, error)
        return identity


def _angled(
    home: Home, key: str, preparer: AngledPreparer, identity: NeuralIdentity, pack: IdentityPack
) -> NeuralIdentity:
    version = f"{preparer.version}\n{hashlib.sha256(packed(pack)).hexdigest()}"
    kept = home.kept(f"{key}-angles", version, preparer.load)
    if kept is not None:
        return kept
    made = preparer.angled(identity, pack.vectors())
    try:
        home.keep(f"{key}-angles", version, made)
    except PersonaError as error:
        log.warning("What was prepared of the identity pack could not be kept: %s", error)
    return made


def packed(pack: IdentityPack) -> bytes:
    """A line of JSON, the vectors as f32 in little-endian order, the pictures."""
    views = [
        {
            "yaw": round(float(view.angles.yaw), 3),
            "pitch": round(float(view.angles.pitch), 3),
            "origin": str(view.origin),
            "weight": view.weight,
            "model": view.model,
            "picture": len(view.picture),
        }
        for view in pack.views
    ]
    told = {"recogniser": pack.known_by.name, "digest": pack.known_by.digest}
    about = {**told, "consent": pack.consent, "made": pack.made, "views": views}
    vectors = b"".join(view.vector.astype("<f4").tobytes() for view in pack.views)
    return json.dumps(about).encode() + b"\n" + vectors + b"".join(view.picture for view in pack.views)


def unpacked(content: bytes) -> IdentityPack:
    """What `packed` was given.

    Raises:
        ValueError: It is another thing, or holds what no pack holds.
    """
    head, _, body = content.partition(b"\n")
    try:
        about: object = json.loads(head, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is no pack") from None
    match about:
        case {
            "recogniser": str(name),
            "digest": str(digest),
            "consent": str(consent),
            "made": str(made),
            "views": [_, *_] as views,
        } if all(_fit(text) for text in (name, made)) and all(_DIGEST.fullmatch(one) for one in (digest, consent)):
            return IdentityPack(KnownBy(name, digest), _views(views, body), consent, made)
        case _:
            raise ValueError("it is no pack")


def _views(views: list[object], body: bytes) -> tuple[View, ...]:
    if len(views) > MOST_VIEWS:
        raise ValueError(f"it has {len(views)} views, and {MOST_VIEWS} are the most")
    end = len(views) * _ROW
    if len(body) < end:
        raise ValueError("vectors are missing")
    vectors = np.frombuffer(body[:end], "<f4").reshape(len(views), LENGTH).astype(np.float32)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not np.isfinite(lengths).all() or np.abs(lengths - 1).max() > _UNIT:
        raise ValueError("a vector is not of length 1")
    found, start = [], end
    for content, vector in zip(views, vectors, strict=True):
        view, size = _view(content, vector)
        found.append(View(view.vector, view.angles, view.origin, view.weight, view.model, body[start : start + size]))
        start += size
    if start != len(body):
        raise ValueError("it is shorter or longer than it says")
    if not any(view.real and view.weight > 0 for view in found):
        raise ValueError("none of its views was seen")
    return tuple(found)


def _view(content: object, vector: Vectors) -> tuple[View, int]:
    """A view without its picture, and how many bytes that has."""
    match content:
        case {
            "yaw": int() | float() as yaw,
            "pitch": int() | float() as pitch,
            "origin": str(origin),
            "weight": int() | float() as weight,
            "model": str(model),
            "picture": int(size),
        } if origin in list(Origin) and _fit(model):
            view = View(vector, HeadAngles(float(yaw), float(pitch)), Origin(origin), float(weight), model)
        case _:
            raise ValueError("a view is not as livecam writes it")
    if not (abs(yaw) <= 180 and abs(pitch) <= 90 and 0 <= weight <= MOST_WEIGHT[view.origin]):
        raise ValueError("a view's angle or weight is out of range")
    if not 0 <= size <= (0 if view.real else _LARGEST_PICTURE):
        raise ValueError("a view's picture is too large")
    return view, size


def _fit(text: str) -> bool:
    return len(text) <= _LONGEST and text.isprintable()


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")
