"""Which files of a folder or a path may be read at all: plain ones, inside it, of the kinds that cannot run programs.

A pickle is a program that a loader runs, and so is Python code beside a model. Neither is ever opened here; what a file
is called decides, since the loaders go by that too, and what it holds is looked at afterwards.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from livecam.errors import StudioError
from livecam.studio.layouts import CONVERT

WEIGHTS: Final = ".safetensors"
SMALL: Final = frozenset({".json", ".txt", ".model", ".jinja"})
"""Of configurations and tokenizers."""

PICKLES: Final = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".th", ".npy", ".npz"})
PROGRAMS: Final = frozenset(
    {".py", ".pyc", ".pyd", ".pyx", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat", ".cmd", ".ps1", ".js", ".jar"}
    | {".whl", ".egg", ".wasm", ".lua", ".rb", ".pl"}
)

_CONVERT: Final = f"Convert it: {CONVERT}, or take the .safetensors from where it is published."

LARGEST_WEIGHTS: Final = 64 << 30
LARGEST_SMALL: Final = 64 << 20
"""Bytes."""

MOST_ENTRIES: Final = 20_000
"""So many files and folders are looked at before it is said that this is no model's folder."""


def plain_file(path: Path) -> Path:
    """`path`, absolute, of a single file that may be read: safetensors.

    Raises:
        StudioError: It is another kind of file, none at all, or absurdly large.
    """
    _refuse_danger(path, _CONVERT)
    if path.suffix.lower() != WEIGHTS:
        raise StudioError(f"{path} is not a .safetensors file.", f"If it is a pickle, convert it: {CONVERT}")
    _size_of(path)
    return path.absolute()


def plain_files(root: Path, folders: Iterable[str], tops: Iterable[str] = ()) -> tuple[str, ...]:
    """The files of a model's folder, by their names in it with ``/``, in order.

    Args:
        root: The folder.
        folders: Of its folders, those that are read; "" for `root` itself.
        tops: Of its own files, those that are read.

    Raises:
        StudioError: One of them is a pickle, a program, of an unknown kind, absurdly large, or a link that leads out of
            `root`; or there is a program anywhere in `root`.
    """
    inside = folder_at(root)
    _refuse_programs(inside)
    found = [name for name in tops if _inside(inside, name)]
    for folder in folders:
        found += [name for name in _listed(inside, folder) if _inside(inside, name)]
    return tuple(sorted(set(found)))


def folder_at(root: Path) -> Path:
    """The folder `root`, absolute and without links.

    Raises:
        StudioError: There is none.
    """
    try:
        resolved = root.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise StudioError(f"There is no folder {root}.", "Name the folder that holds the model.") from error
    if not resolved.is_dir():
        raise StudioError(f"{root} is no folder.", "Name the folder that holds the model.")
    return resolved


def _listed(root: Path, folder: str) -> list[str]:
    """The files in a folder of `root`. Whatever has no place there is named, all in one sentence."""
    place = root / folder
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError as error:
        raise StudioError(
            f"{root} has no folder {folder} that can be read: {error.strerror}.", "Fetch all of the model."
        ) from error
    entries = [entry for entry in entries if not _ignored(entry.name)]
    names = [f"{folder}/{entry.name}" if folder else entry.name for entry in entries]
    strangers = [name for name in names if not _kind_known(Path(name)) or (root / name).is_dir()]
    safe = any(name.endswith(WEIGHTS) for name in names)
    for name in strangers:
        _refuse_danger(root / name, "Move it away: there is a .safetensors beside it." if safe else _CONVERT)
    if strangers:
        more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
        raise StudioError(
            f"In {root}, the studio has no use for {', '.join(strangers[:3])}{more}.",
            "Move them away, or fetch the folder again with *.safetensors, *.json, *.txt, *.model and *.jinja alone.",
        )
    return names


def _ignored(name: str) -> bool:
    # What comes along with a download: never read, never locked.
    return name.startswith((".", "LICENSE", "LICENCE", "NOTICE", "README")) or name.lower().endswith(".md")


def _kind_known(path: Path) -> bool:
    return path.suffix.lower() in SMALL | {WEIGHTS}


def _inside(root: Path, name: str) -> bool:
    """True for a plain file inside `root`.

    Raises:
        StudioError: It is not.
    """
    path = root / name
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise StudioError(
            f"{path} is not there, or is a link that leads nowhere.", "Fetch all of the model."
        ) from error
    if not target.is_relative_to(root):
        raise StudioError(
            f"{path} is a link that leads out of its folder, to {target}.",
            "Make a copy that holds the files themselves, such as with: cp -rL FROM TO",
        )
    _size_of(path)
    return True


def _size_of(path: Path) -> int:
    """Of a plain file, bytes.

    Raises:
        StudioError: It is none, empty, or larger than any that is published.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise StudioError(f"{path} cannot be read: {error.strerror}.", "Name a file that is there.") from error
    limit = LARGEST_WEIGHTS if path.suffix.lower() == WEIGHTS else LARGEST_SMALL
    if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= limit:
        raise StudioError(f"{path} is no plain file of 1 to {limit:,} bytes.", "Fetch it again.")
    return found.st_size


def _refuse_danger(path: Path, otherwise: str) -> None:
    """Raise what there is to say of a pickle or program.

    Args:
        path: By its name.
        otherwise: What to do where it is a pickle.
    """
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise StudioError(
            f"{path} is a pickle: opening it could run a program hidden in it, so that the studio never does.",
            otherwise,
        )
    if suffix in PROGRAMS:
        raise StudioError(
            f"{path} is a program. The studio runs no code that comes with a model.",
            "Take a model that needs none, or move the file away if it belongs to something else.",
        )


def _refuse_programs(root: Path) -> None:
    """See that there is no program anywhere below `root`, in what is not hidden."""
    for count, path in enumerate(_below(root)):
        if count >= MOST_ENTRIES:
            raise StudioError(
                f"{root} holds more than {MOST_ENTRIES:,} files.", "Name the folder that holds the model alone."
            )
        if path.suffix.lower() in PROGRAMS:
            _refuse_danger(path, _CONVERT)


def _below(root: Path) -> Iterator[Path]:
    # Links to folders are not followed; hidden folders, such as .git, are a download's own.
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in (*folders, *files))
