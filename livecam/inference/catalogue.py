"""The catalogue: every published network livecam can use, one TOML file each, shipped or brought by the user.

The files and their keys are explained in engines/README.md. Adding a network of a known kind is adding a file.
"""

import difflib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from livecam.config.toml import parse_toml
from livecam.core.seams import TensorSpec
from livecam.errors import ModelError
from livecam.inference.catalogue_contract import contract, one_of
from livecam.inference.model import Model, Origin, Port, Save, Task
from livecam.inference.recipe import Licence
from livecam.inference.recipes import recipes_folder
from livecam.inference.sections import Section
from livecam.vision.contract import ConverterContract, RecogniserContract, SwapperContract

Places = Mapping[str, Path]

_DTYPES: Final = ("float32", "float16", "float64", "uint8", "int32", "int64", "bool")
_HEX: Final = frozenset("0123456789abcdef")


def catalogue_folders(user: Path | None, instead: Path | None = None) -> tuple[Path, ...]:
    """Where recipes are looked for: the shipped ones, then the user's own folder of TOML files where it exists.

    Args:
        user: The user's own folder; may be missing.
        instead: A folder that is used instead of the shipped one.

    Raises:
        ModelError: `instead` is no folder.
    """
    if instead is not None and not instead.is_dir():
        raise ModelError(f"There is no folder of recipes {instead}.", "Check --recipes.")
    shipped = instead or recipes_folder()
    return (shipped, user) if user is not None and user.is_dir() else (shipped,)


def recipe_files() -> Mapping[str, Path]:
    """The shipped recipes' files, by the network's name."""
    return _places(catalogue_folders(None))


def model_names(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """All networks there are, sorted.

    Raises:
        ModelError: Two folders hold a recipe of the same name.
    """
    return tuple(_places(folders))


def load_model(name: str, folders: tuple[Path, ...]) -> Model:
    """The network called `name`.

    Raises:
        ModelError: There is none, its file is not as it must be, or it needs a network that has no recipe.
    """
    places = _places(folders)
    model = _read(name, places)
    _check_identity(model, places, lambda needed: _read(needed, places))
    return model


def load_all(folders: tuple[Path, ...]) -> Mapping[str, Model]:
    """Every network, by name, sorted.

    Raises:
        ModelError: As `load_model`, for the first that is wrong.
    """
    places = _places(folders)
    models = {name: _read(name, places) for name in places}
    for model in models.values():
        _check_identity(model, places, models.__getitem__)
    return models


def parse_model(table: Mapping[str, object], path: Path, digest: str) -> Model:
    """The network that `table` describes.

    Args:
        table: A parsed TOML file.
        path: Where it stands, for messages and for its name.
        digest: SHA-256 of its text.

    Raises:
        ModelError: A key is missing, unknown (the nearest known one is named), of the wrong kind, or says what cannot
            be.
    """
    with Section(table, str(path)) as root:
        _check_name(root, path)
        task = one_of(root, "task", Task)
        inputs, outputs = _ports(root, "inputs"), _ports(root, "outputs")
        return Model(
            name=path.stem,
            task=task,
            summary=root.text("summary"),
            licence=_licence(root.section("licence")),
            saves=tuple(_save(section) for section in root.sections("saves")),
            size=_at_least(root, "size", 1),
            origins=tuple(_origin(section) for section in root.sections("origins")),
            inputs=inputs,
            outputs=outputs,
            contract=contract(root, task, inputs, outputs),
            gflop=root.real("gflop"),
            notes=root.text("notes", "").strip(),
            digest=digest,
        )


def _places(folders: tuple[Path, ...]) -> Places:
    """Every recipe's file, by name, sorted."""
    places: dict[str, Path] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        if path.stem in places:
            raise ModelError(
                f"There are two recipes called '{path.stem}': {places[path.stem]} and {path}.",
                "Rename yours, in the file too, or delete it.",
            )
        places[path.stem] = path
    return dict(sorted(places.items()))


def _read(name: str, places: Places) -> Model:
    if name not in places:
        raise ModelError(f"There is no recipe '{name}'.", _hint(name, places))
    path = places[name]
    try:
        raw = path.read_bytes()
        table = parse_toml(raw.decode())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ModelError(f"{path} is not valid TOML: {error}.") from error
    return parse_model(table, path, sha256(raw).hexdigest())


def _hint(name: str, places: Places) -> str:
    near = difflib.get_close_matches(name, list(places), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else "See: livecam models list"


def _check_identity(model: Model, places: Places, find: Callable[[str], Model]) -> None:
    """The recogniser and the converter a swapper names are such, and speak of vectors of the length it takes."""
    if not isinstance(model.contract, SwapperContract):
        return
    rule, length = model.contract.identity, model.inputs["source"].spec.shape[-1]
    wanted = (("recogniser", rule.recogniser, RecogniserContract), ("converter", rule.converter, ConverterContract))
    for key, name, kind in wanted:
        if not name:
            continue
        place = f"{places[model.name]} [identity]"
        if name not in places:
            raise ModelError(f"{place}: the {key} '{name}' has no recipe.", _hint(name, places))
        needed = find(name).contract
        if not isinstance(needed, kind):
            raise ModelError(f"{place}: '{name}' is no {key}, but a network for '{find(name).task}'.")
        if length not in {-1, needed.length}:
            raise ModelError(f"{place}: '{name}' gives {needed.length} numbers, but the input 'source' takes {length}.")


def _check_name(root: Section, path: Path) -> None:
    name = root.text("name")
    if name != path.stem:
        raise ModelError(f"{path} calls itself '{name}'.", "Name and file name must agree.")


def _licence(section: Section) -> Licence:
    with section as s:
        licence = Licence(s.text("name"), s.text("holder"), s.flag("commercial"), s.text("limits", ""), _url(s, "text"))
        if not licence.commercial and not licence.limits:
            raise ModelError(f"{s.place}: 'limits' must say what the licence forbids, as 'commercial' is false.")
        return licence


def _save(section: Section) -> Save:
    with section as s:
        digest = s.text("sha256")
        if len(digest) != 64 or not set(digest) <= _HEX:
            raise ModelError(f"{s.place}: '{digest}' is not a SHA-256 in lower-case hexadecimal digits.")
        return Save(digest, s.integer("size", 0), s.text("by"))


def _origin(section: Section) -> Origin:
    with section as s:
        return Origin(_url(s, "url"), s.text("by"))


def _url(section: Section, key: str) -> str:
    value = section.text(key)
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname:
        raise ModelError(f"{section.place}: '{key}' is '{value}', must be an address that begins with https://.")
    return value


def _ports(root: Section, table: str) -> dict[str, Port]:
    ports: dict[str, Port] = {}
    for section in root.sections(table):
        with section as s:
            role = s.text("role")
            if role in ports:
                raise ModelError(f"{s.place}: the role '{role}' is there twice.")
            ports[role] = Port(s.texts("names"), TensorSpec(_shape(s), _dtype(s)))
    return ports


def _shape(s: Section) -> tuple[int, ...]:
    shape = s.integers("shape")
    if not shape or any(size != -1 and size < 1 for size in shape):
        raise ModelError(f"{s.place}: 'shape' is {list(shape)}; every size must be 1 or more, or -1 where it is free.")
    return shape


def _dtype(s: Section) -> str:
    dtype = s.text("dtype")
    if dtype not in _DTYPES:
        raise ModelError(f"{s.place}: 'dtype' is '{dtype}', must be one of {', '.join(_DTYPES)}.")
    return dtype


def _at_least(s: Section, key: str, least: int) -> int:
    value = s.integer(key)
    if value < least:
        raise ModelError(f"{s.place}: '{key}' is {value}, must be {least} or more.")
    return value
