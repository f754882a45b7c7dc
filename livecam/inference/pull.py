"""Gets a published network from its origins, and keeps nothing that nobody vouches for."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from livecam.errors import DownloadFailed, ModelError, WeightsCorrupt, WeightsMissing
from livecam.inference import store
from livecam.inference.archives import fetch_member, forget_archive
from livecam.inference.download import Partial, Patience, Wanted, download
from livecam.inference.files import flush, private_folder, sha256_of
from livecam.inference.model import Model, Origin
from livecam.inference.progress import Progress
from livecam.inference.store import DigestUnknown, Presence, accepted, alone, commit, model_path, pull_command
from livecam.inference.web import Unusable
from livecam.vision.contract import SwapperContract

DEFAULT_PATIENCE: Final = Patience()
_ONNX_START: Final = b"\x08"
"""Field 1 of an ONNX model, ``ir_version``, with which all exporters begin."""


class Offline(DownloadFailed):
    """No origin could be reached at all: trying another network is in vain."""


class _WrongDigest(Unusable):
    """The file is not the network."""


def needed_by(model: Model) -> tuple[str, ...]:
    """The networks without which `model` is of no use: what makes the identity a swapper takes."""
    if not isinstance(model.contract, SwapperContract):
        return ()
    identity = model.contract.identity
    return tuple(name for name in (identity.recogniser, identity.converter) if name)


def with_needed(models: Iterable[Model], load: Callable[[str], Model]) -> list[Model]:
    """`models` with all they need, each once, in the order in which they were named."""
    found: dict[str, Model] = {}
    waiting = list(models)
    while waiting:
        model = waiting.pop(0)
        if model.name not in found:
            found[model.name] = model
            waiting = [load(name) for name in needed_by(model)] + waiting
    return list(found.values())


def pull(
    model: Model,
    cache: Path,
    progress: Progress,
    vouched: frozenset[str] = frozenset(),
    patience: Patience = DEFAULT_PATIENCE,
) -> Path:
    """The file of `model`, fetched if it is not there or damaged. The licence is for the caller to ask about.

    Args:
        model: Which network.
        cache: Folder of all networks; made if need be.
        progress: Told how far it is.
        vouched: Digests the user vouches for; one is pinned if the project knows none.
        patience: With a bad line.

    Raises:
        DigestUnknown: Nobody has vouched for the file yet. It is kept; the next call goes on from there.
        DownloadFailed: No origin gave it. What came is kept.
        WeightsCorrupt: The origins hold other files.
        WeightsMissing: It has no origin, the disk refused, or another process holds it.
    """
    with alone(model.name, cache):
        path = model_path(model, cache)
        match store.presence(model, cache):
            case Presence.PRESENT:
                return path
            case Presence.UNPINNED:
                judge(model, cache, store.digest_of(model, cache), path.stat().st_size, str(path), vouched)
                return path
            case _:
                private_folder(path.parent)
                return _from_origins(model, cache, progress, vouched, patience)


def judge(model: Model, cache: Path, digest: str, size: int, place: str, vouched: frozenset[str]) -> None:
    """Let pass what the project or the user vouches for, and pin what the user vouches for now.

    Raises:
        DigestUnknown: Nobody does.
        WeightsCorrupt: It is another file than the one that is vouched for.
    """
    right = accepted(model, cache)
    if not right and digest not in vouched:
        raise DigestUnknown(model.name, digest, size, place)
    if right and digest not in right:
        known = "that the project knows" if model.saves else "you vouched for"
        wanted = " or ".join(sorted(right))
        raise WeightsCorrupt(f"{place} is not the {model.name} {known}: its SHA-256 is {digest}, not {wanted}.")
    if not right:
        store.pin(model, cache, digest)


def wanted_of(model: Model) -> Wanted:
    """What a download of `model` must look like."""
    sizes = frozenset(save.size for save in model.saves)
    return Wanted(model.name, frozenset() if 0 in sizes else sizes, model.size)


def looks_like_onnx(path: Path) -> bool:
    """Whether a file can be an ONNX model, and not a page that asks to log in, or a pointer of Git LFS."""
    with path.open("rb") as file:
        return file.read(1) == _ONNX_START


def _from_origins(model: Model, cache: Path, progress: Progress, vouched: frozenset[str], patience: Patience) -> Path:
    failures: list[tuple[Origin, Unusable]] = []
    for origin in model.origins:
        try:
            return _from_origin(model, origin, cache, progress, vouched, patience)
        except Unusable as error:
            failures.append((origin, error))
    raise _failure(model, failures)


def _failure(model: Model, failures: list[tuple[Origin, Unusable]]) -> ModelError:
    """What none of the origins giving the file comes to."""
    name, pull_it = model.name, pull_command(model.name)
    own = f"If you have the file, run: {pull_it} --from DIR"
    if not failures:
        return WeightsMissing(f"{name} cannot be fetched: no origin of it is known.", own)
    again = f"Check the network and run again, it goes on where it stopped: {pull_it}. {own}"
    if all(error.unreachable for _, error in failures):
        return Offline(f"{name} could not be fetched: {failures[0][1]}", again)
    told = "; ".join(f"{origin.by} ({urlsplit(origin.url).netloc}): {error}" for origin, error in failures)
    if isinstance(failures[-1][1], _WrongDigest):
        return WeightsCorrupt(f"{name} was refused and deleted. {told}.", own)
    return DownloadFailed(f"{name} could not be fetched. {told}.", again)


def _from_origin(
    model: Model, origin: Origin, cache: Path, progress: Progress, vouched: frozenset[str], patience: Patience
) -> Path:
    url, _, member = origin.url.partition("#")
    key = sha256(origin.url.encode()).hexdigest()[:16]
    partial = Partial(model_path(model, cache).with_name(f"{key}.partial"))
    while True:
        if member:
            used_old = fetch_member(url, member, partial.path, wanted_of(model), cache, progress, patience)
        else:
            used_old = download(url, partial, wanted_of(model), progress, patience)
        try:
            return _accept(model, origin, cache, partial, vouched, progress)
        except _WrongDigest:
            partial.discard()
            forget_archive(url, cache)
            # What was begun earlier may have gone bad on the disk; what came whole just now is as the origin has it.
            if not used_old:
                raise


def _accept(
    model: Model, origin: Origin, cache: Path, partial: Partial, vouched: frozenset[str], progress: Progress
) -> Path:
    size = partial.length
    digest = sha256_of(partial.path, lambda done: progress.update(f"checking {model.name}", done, size))
    if not model.saves and not looks_like_onnx(partial.path):
        raise _WrongDigest("what is there is no ONNX file")
    try:
        judge(model, cache, digest, size, origin.url, vouched)
    except WeightsCorrupt as error:
        raise _WrongDigest(error.what.rstrip(".")) from error
    flush(partial.path)
    path = commit(model, cache, partial.path, digest)
    partial.discard()
    return path
