"""Recipes of the embedded networks: what each is, where it comes from, its licence and its numbers; one TOML file each.

The files and their keys are explained in engines/README.md. Adding a network of a known kind is adding a file there.
"""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

from livecam.config.toml import parse_toml
from livecam.core.seams import TensorSpec
from livecam.errors import ModelError
from livecam.inference.recipe import (
    Conversion,
    ConvertedOutput,
    Expected,
    InputContract,
    Licence,
    Recipe,
    WeightFile,
    WheelOrigin,
)
from livecam.inference.sections import Section

TASKS: Final = ("detect", "landmarks", "recognise", "swap", "enhance", "mask")
ORIGIN_KINDS: Final = ("wheel",)
MESH_ENGINE: Final = ("face_detection_short_range", "face_detection_full_range_sparse", "face_landmark_with_attention")
"""The networks of the embedded default, in the order in which they are needed."""

HANDS: Final = ("palm_detection_lite", "hand_landmark_lite")
"""The networks that keep hands before the face visible. Where they cannot be fetched, the swap works without."""

EMBEDDED: Final = (*MESH_ENGINE, *HANDS)
"""All networks that come from the pinned wheel and are used."""


def recipes_folder() -> Path:
    """Where the recipes are: inside the installed package, or beside it in a source tree.

    Raises:
        ModelError: In neither place.
    """
    package = Path(str(files("livecam")))
    for folder in (package / "_engines", package.parent / "engines"):
        if folder.is_dir():
            return folder
    raise ModelError(f"The recipes of the networks are missing beside {package}.", "Install livecam again.")


def embedded_folder() -> Path:
    """Where the recipes of the embedded networks are."""
    return recipes_folder() / "embedded"


def recipe_names(folder: Path | None = None) -> tuple[str, ...]:
    """All recipes there are, sorted."""
    return tuple(sorted(path.stem for path in (folder or embedded_folder()).glob("*.toml")))


def load_recipe(name: str, folder: Path | None = None) -> Recipe:
    """The recipe called `name`.

    Raises:
        ModelError: There is none, or its file is not as it must be.
    """
    path = (folder or embedded_folder()) / f"{name}.toml"
    if name not in recipe_names(folder):
        raise ModelError(f"There is no recipe '{name}'.", f"Recipes: {', '.join(recipe_names(folder))}.")
    raw = path.read_bytes()
    try:
        table = parse_toml(raw.decode())
    except ValueError as error:
        raise ModelError(f"{path} is not valid TOML: {error}.") from error
    recipe = parse_recipe(table, str(path), sha256(raw).hexdigest())
    if recipe.name != name:
        raise ModelError(f"{path} calls itself '{recipe.name}'.", "Name and file name must agree.")
    return recipe


def parse_recipe(table: Mapping[str, object], place: str, digest: str) -> Recipe:
    """The recipe that `table` holds.

    Args:
        table: A parsed TOML file.
        place: Its name for messages.
        digest: SHA-256 of its text.

    Raises:
        ModelError: A key is missing, unknown (the nearest known one is named) or of the wrong kind.
    """
    with Section(table, place) as root:
        recipe = Recipe(
            name=root.text("name"),
            task=_one_of(root, "task", TASKS),
            summary=root.text("summary"),
            licence=_licence(root.section("licence")),
            origins=tuple(_origin(section) for section in root.sections("origins")),
            files=tuple(_file(section) for section in root.sections("files")),
            conversion=_conversion(root.section("conversion")),
            inputs=dict(_input(section) for section in root.sections("inputs")),
            outputs=dict(_output(section) for section in root.sections("outputs")),
            template=root.text("template", ""),
            tolerance=root.real("tolerance"),
            reference=_reference(root.section("reference")),
            digest=digest,
        )
    _check_names(recipe, place)
    return recipe


def _check_names(recipe: Recipe, place: str) -> None:
    """The tables speak of the same outputs, and files stay in their folder."""
    named = {output.name for output in recipe.conversion.outputs.values()}
    for table, names in (("conversion", named), ("reference", recipe.reference.keys())):
        odd = sorted(names ^ recipe.outputs.keys())
        if odd:
            raise ModelError(f"{place}: [{table}] and [[outputs]] do not agree about '{odd[0]}'.")
    astray = [name for name in (recipe.name, *(file.name for file in recipe.files)) if Path(name).name != name]
    if astray or not recipe.files or not recipe.origins or not recipe.inputs:
        raise ModelError(f"{place}: a plain file name, an origin and an input are needed; got '{''.join(astray)}'.")


def _licence(section: Section) -> Licence:
    with section as s:
        return Licence(s.text("name"), s.text("holder"), s.flag("commercial"), s.text("limits", ""), s.text("text"))


def _origin(section: Section) -> WheelOrigin:
    with section as s:
        _one_of(s, "kind", ORIGIN_KINDS)
        return WheelOrigin(
            package=s.text("package"),
            version=s.text("version"),
            python=s.text("python"),
            platform=s.text("platform"),
            file=s.text("file"),
            size=s.integer("size"),
            sha256=_digest(s, s.text("sha256")),
        )


def _file(section: Section) -> WeightFile:
    with section as s:
        digests = tuple(_digest(s, text) for text in s.texts("sha256"))
        return WeightFile(s.text("name"), s.text("member"), s.integer("size"), digests)


def _conversion(section: Section) -> Conversion:
    with section as s:
        _one_of(s, "kind", ("tflite",))
        outputs = s.section("outputs")
        named = {key: _converted(outputs.section(key)) for key in outputs.names()}
        return Conversion(s.real("mean"), s.real("std"), named)


def _converted(section: Section) -> ConvertedOutput:
    with section as s:
        return ConvertedOutput(s.text("name"), s.flag("sigmoid", False))


def _input(section: Section) -> tuple[str, InputContract]:
    with section as s:
        layout, colour = _one_of(s, "layout", ("nhwc", "nchw", "plain")), _one_of(s, "colour", ("bgr", "rgb", "none"))
        spec = TensorSpec(s.integers("shape"), s.text("dtype"))
        return s.text("name"), InputContract(spec, layout, colour, s.real("mean", 0.0), s.real("std", 1.0))


def _output(section: Section) -> tuple[str, TensorSpec]:
    with section as s:
        s.text("about", "")
        return s.text("name"), TensorSpec(s.integers("shape"), s.text("dtype"))


def _reference(section: Section) -> dict[str, Expected]:
    return {key: _expected(section.section(key)) for key in section.names()}


def _expected(section: Section) -> Expected:
    with section as s:
        return Expected(s.real("mean"), s.real("deviation"), s.reals("samples"))


def _one_of(section: Section, key: str, allowed: tuple[str, ...]) -> str:
    value = section.text(key)
    if value not in allowed:
        raise ModelError(f"{section.place}: '{key}' is '{value}', must be one of {', '.join(allowed)}.")
    return value


def _digest(section: Section, text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ModelError(f"{section.place}: '{text}' is not a SHA-256 in lower-case hexadecimal digits.")
    return text
