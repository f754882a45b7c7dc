"""A folder of stand-ins that every command takes for a models folder, so that a preset can be tried without weights.

The recipes in it are the shipped ones with other digests and the word STAND-IN; the shipped ones do not know these
digests, so that nothing here can ever pass for a published network.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from onnx import ModelProto

from livecam.bench.standins import planted_crops, planted_faces
from livecam.bench.standins.planted_faces import PlantedFace
from livecam.bench.standins.shelf import build, write
from livecam.errors import ModelError
from livecam.inference.files import private_folder, sha256_of
from livecam.inference.model import Model, Task
from livecam.inference.store import model_path
from livecam.vision.contract import (
    DetectorContract,
    DetectorFamily,
    EnhancerContract,
    IdentityKind,
    MaskerContract,
    MaskerFamily,
    RecogniserContract,
    SwapperContract,
)

MODELS: Final = "models"
RECIPES: Final = "recipes"

# The built-in persona's face, in a picture that fills a detector's 640 px: what a planted detector finds.
_BUILT_IN: Final = PlantedFace(
    (189.0, 206.0, 445.0, 471.0), ((267.0, 282.0), (373.0, 284.0), (322.0, 336.0), (277.0, 392.0), (364.0, 394.0))
)


def write_folder(
    folder: Path, models: Iterable[Model], recipes: Mapping[str, Path], divisor: int, embedded: Path
) -> list[Path]:
    """Write stand-ins of `models` and recipes for them.

    Args:
        folder: Made if need be; holds ``models/`` and ``recipes/`` afterwards.
        models: Which networks.
        recipes: The shipped recipes' files, by name.
        divisor: 0 for planted swappers and enhancers, which tint and brighten the face; else networks with the
            published layers, their widths divided by this: noise at their cost. Detectors, recognisers and maskers are
            planted either way, so that a persona can be made.
        embedded: The folder of the embedded networks, which every preset needs; copied.

    Returns:
        The networks' files.

    Raises:
        ModelError: A network has no stand-in.
        OSError: The folder cannot be written.
    """
    home = private_folder(folder / MODELS)
    private_folder(folder / RECIPES)
    written = []
    for model in models:
        path = model_path(model, home)
        private_folder(path.parent)
        _write(model, path, divisor)
        text = _recipe(recipes[model.name].read_text(encoding="utf-8"), path)
        (folder / RECIPES / f"{model.name}.toml").write_text(text, encoding="utf-8")
        written.append(path)
    for network in embedded.iterdir() if embedded.is_dir() else ():
        if (network / "manifest.json").is_file():
            shutil.copytree(network, home / network.name, dirs_exist_ok=True)
    return written


def _write(model: Model, path: Path, divisor: int) -> None:
    if divisor and model.task in {Task.SWAP, Task.ENHANCE}:
        write(model.name, path, divisor)
    else:
        path.write_bytes(_planted(model).SerializeToString())


def _planted(model: Model) -> ModelProto:
    """A network whose effect can be seen.

    Raises:
        ModelError: There is none of that kind.
    """
    match model.contract:
        case DetectorContract(family=family):
            return _detector(family)
        case RecogniserContract(length=length, picture=picture):
            return planted_crops.plant_recogniser(picture.side, length)
        case SwapperContract():
            return _swapper(model.contract)
        case EnhancerContract(picture=picture, fidelity=fidelity):
            return planted_crops.plant_enhancer(picture.side, fidelity=fidelity is not None)
        case MaskerContract(family=family):
            return planted_crops.plant_xseg() if family is MaskerFamily.XSEG else planted_crops.plant_bisenet()
        case _:
            return build(model.name, 16)


def _detector(family: DetectorFamily) -> ModelProto:
    makers: dict[DetectorFamily, Callable[[], ModelProto]] = {
        DetectorFamily.SCRFD: lambda: planted_faces.plant_scrfd([_BUILT_IN]),
        DetectorFamily.YUNET: lambda: planted_faces.plant_yunet([_BUILT_IN]),
        DetectorFamily.YOLO: lambda: planted_faces.plant_yolo([_BUILT_IN]),
    }
    return makers[family]()


def _swapper(contract: SwapperContract) -> ModelProto:
    side, identity = contract.picture.side, contract.identity
    if contract.own_mask:
        return planted_crops.plant_hyperswap()
    if identity.kind is IdentityKind.IMAGE and identity.picture is not None:
        return planted_crops.plant_image_swapper(side, identity.picture.side, low=contract.result.low)
    emap = identity.kind is IdentityKind.EMAP
    return planted_crops.plant_swapper(side, low=contract.result.low, emap=emap)


def _recipe(text: str, path: Path) -> str:
    """The recipe for a stand-in in `path`, made of the shipped one.

    Raises:
        ModelError: The shipped one is not written as the others are.
    """
    size, digest = path.stat().st_size, sha256_of(path)
    text = re.sub(r"^\[\[(saves|origins)\]\]\n(?:(?!\[).*\n?)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(saves|origins) = \[\]\n", "", text, flags=re.MULTILINE)
    text, summaries = re.subn(
        r'^summary = "', 'summary = "STAND-IN, swaps nothing: ', text, count=1, flags=re.MULTILINE
    )
    text, sizes = re.subn(r"^size = .*$", f"size = {size}\norigins = []", text, count=1, flags=re.MULTILINE)
    if not summaries or not sizes:
        raise ModelError("A shipped recipe lacks its summary or its size.", "Install livecam again.")
    saves = f'[[saves]]\nby = "livecam bench stand-ins"\nsha256 = "{digest}"\nsize = {size}\n'
    return f"{text.rstrip()}\n\n{saves}"
