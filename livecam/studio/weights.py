"""A backend's weights, checked against their lock whenever they are used; and what is registered."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from livecam.config.paths import Paths
from livecam.errors import StudioError
from livecam.inference.progress import Progress
from livecam.studio.backends import CAPS, caps_of
from livecam.studio.digests import Digests
from livecam.studio.layouts import BASE, Form, Layout, Part, fitting
from livecam.studio.locks import Lock, Locked, digests_path, lock_path, read_lock, register_command
from livecam.studio.published import layout_of, needs_weights
from livecam.studio.registering import ACCEPTED, SHOWN, place_of, reading, terms_digest
from livecam.studio.tensors import read_header
from livecam.studio.terms import Slot, Weights


def weights_of(name: str, paths: Paths, progress: Progress | None = None, *, fresh: bool = False) -> Weights | None:
    """The registered files of the backend `name`, every one of them as it was registered.

    Args:
        name: Of the backend.
        paths: Of this user.
        progress: Told how many bytes were read, of those files whose digest is not remembered.
        fresh: Whether all files are read, whatever is remembered.

    Returns:
        Its files; None for a backend that needs none.

    Raises:
        StudioError: There is no such backend, nothing is registered for it, its terms are not accepted as they are now,
            or a file is gone, new, or not what it was. The sentence says what to do.
    """
    if not needs_weights(name):
        return None
    layout, lock = layout_of(name), read_lock(name, paths)
    if lock is None:
        raise StudioError(
            f"No weights are registered for {name} ({layout.base.what}).",
            f"Fetch them yourself from {layout.base.source}, then run: {register_command(name)}. "
            "To see the flow without weights: --backend tiny",
        )
    _check_terms(layout, lock, paths)
    for part in lock.parts:
        _check_same_files(layout, part, lock.parts[part])
    _check_digests(lock, Digests(digests_path(paths), fresh=fresh), progress)
    return _weights(lock)


def vectors_of(name: str, paths: Paths) -> Mapping[Slot, str]:
    """Whose vectors the adapters that are registered for `name` were trained with, by the recogniser's recipe.

    Those that look at photos, or with a recogniser of their own, are left out. Only their headers are read, and whether
    they are what was registered is not asked: see `weights_of`.

    Raises:
        StudioError: There is no such backend, or the lock or a file cannot be read.
    """
    lock = read_lock(name, paths) if needs_weights(name) else None
    if lock is None:
        return {}
    parts = _fillers(layout_of(name), lock.parts)
    forms = {slot: _form(part, Path(lock.parts[part.name].path)) for slot, part in parts.items()}
    return {slot: form.vectors for slot, form in forms.items() if form is not None and form.vectors}


def slots_of(name: str, weights: Weights) -> frozenset[Slot]:
    """Which slots of the backend `name` are filled by `weights`."""
    return frozenset(_fillers(layout_of(name), {*weights.adapters, *weights.extras}))


def _fillers(layout: Layout, names: Collection[str]) -> Mapping[Slot, Part]:
    """What fills each slot, of the parts `names`: an adapter before an extra that can do it besides."""
    there = [part for name, part in layout.parts.items() if name in names]
    extras = {part.fills: part for part in there if part.fills is not None}
    return extras | {Slot(part.name): part for part in there if part.name in tuple(Slot)}


def _form(part: Part, path: Path) -> Form | None:
    """Which of the forms of `part` the file or folder `path` has."""
    return part.folder.form if part.folder is not None else fitting(part.forms, read_header(path).tensors)


def _weights(lock: Lock) -> Weights:
    places = {part: Path(locked.path) for part, locked in lock.parts.items()}
    adapters = {slot: places[slot] for slot in Slot if slot in places}
    extras = {part: path for part, path in places.items() if part != BASE and part not in adapters}
    return Weights(places[BASE], adapters, extras)


def _check_terms(layout: Layout, lock: Lock, paths: Paths) -> None:
    """See that the terms were accepted, in the wording that this version shows."""
    again = f"Read them, then: {register_command(layout.name)} ... {ACCEPTED}"
    if BASE not in lock.parts:
        raise StudioError(f"The lock {lock_path(layout.name, paths)} names no base.", again)
    if layout.opt_in and lock.how == SHOWN:
        raise StudioError(f"The terms of {layout.name} were not accepted.", again)
    if lock.terms != terms_digest(layout, lock.parts):
        raise StudioError(f"The terms of {layout.name} are told in other words than when you accepted them.", again)


def _check_same_files(layout: Layout, name: str, locked: Locked) -> None:
    """See that the files that will be read are those that were registered, by name and size."""
    part = layout.part(name)
    changed = f"If that was you, register it again: {register_command(layout.name)}"
    for file, path in locked.paths().items():
        if not path.is_file():
            raise StudioError(f"{path} is gone.", f"Bring it back, or register again: {register_command(layout.name)}")
        if path.stat().st_size != locked.files[file].size:
            raise StudioError(f"{path} is not what was registered: it has another size.", changed)
    new = [file for file in place_of(layout, part, Path(locked.path)).names if file not in locked.files]
    if new:
        raise StudioError(f"{locked.path} holds a file that was not registered: {new[0]}.", changed)


def _check_digests(lock: Lock, digests: Digests, progress: Progress | None) -> None:
    everything = {(part, name): path for part, locked in lock.parts.items() for name, path in locked.paths().items()}
    with reading():
        read = digests.of({f"{part}:{name}": path for (part, name), path in everything.items()}, progress)
    for (part, name), path in everything.items():
        found, wanted = read[f"{part}:{name}"], lock.parts[part].files[name].sha256
        if found != wanted:
            raise StudioError(
                f"{path} is not what was registered: its SHA-256 is {found}, not {wanted}.",
                f"Bring the old file back, or register it again: {register_command(lock.backend)}",
            )


@dataclass(frozen=True, slots=True)
class State:
    """What is registered for a backend.

    Attributes:
        name: Of the backend.
        lock: What was registered; None where nothing was, or where the lock cannot be read.
        problem: Why it cannot be used now, in a sentence; "" where nothing is known against it.
    """

    name: str
    lock: Lock | None
    problem: str

    @property
    def size(self) -> int:
        """Bytes, of what is registered."""
        parts = self.lock.parts.values() if self.lock else ()
        return sum(file.size for part in parts for file in part.files.values())


def states(paths: Paths) -> Iterator[State]:
    """What is registered for each backend, looked at but not read: digests are for `weights_of`."""
    for name in CAPS:
        yield _state(name, paths)


def _state(name: str, paths: Paths) -> State:
    if not needs_weights(name):
        return State(caps_of(name).name, None, "")
    try:
        lock = read_lock(name, paths)
    except StudioError as error:
        return State(name, None, str(error))
    return State(name, lock, "" if lock is None else _problem(layout_of(name), lock, paths))


def _problem(layout: Layout, lock: Lock, paths: Paths) -> str:
    try:
        _check_terms(layout, lock, paths)
        for part, locked in lock.parts.items():
            _check_same_files(layout, part, locked)
    except StudioError as error:
        return str(error)
    return ""
