"""Which stand-in belongs to which network of the catalogue."""

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from livecam.bench.standins.arcface import mobile, residual
from livecam.bench.standins.bisenet import bisenet
from livecam.bench.standins.codeformer import codeformer
from livecam.bench.standins.fan import fan
from livecam.bench.standins.gfpgan import gfpgan
from livecam.bench.standins.gpen import gpen
from livecam.bench.standins.graph import Draft
from livecam.bench.standins.hyperswap import ghost, hyperswap
from livecam.bench.standins.inswapper import inswapper
from livecam.bench.standins.planted_crops import plant_image_swapper, plant_recogniser, plant_swapper
from livecam.bench.standins.planted_faces import PlantedFace, plant_five68, plant_if106, plant_yolo
from livecam.bench.standins.planted_safety import plant_fairface, plant_genderage, plant_rows, plant_scores
from livecam.bench.standins.restoreformer import restoreformer
from livecam.bench.standins.scrfd import scrfd
from livecam.bench.standins.simswap import crossface, simswap
from livecam.bench.standins.small import facemesh, yunet
from livecam.bench.standins.xseg import xseg
from livecam.errors import ModelError

_Make: TypeAlias = Callable[[int], Draft]

_NETWORKS: Final[Mapping[str, _Make]] = {
    **{f"scrfd_{size}": partial(scrfd, f"scrfd_{size}", size) for size in ("500m", "2.5g", "10g")},
    "yunet": partial(yunet, "yunet"),
    "2dfan4": partial(fan, "2dfan4"),
    "facemesh_192": partial(facemesh, "facemesh_192"),
    "arcface_w600k_r50": partial(residual, "arcface_w600k_r50", 50),
    "arcface_w600k_mbf": partial(mobile, "arcface_w600k_mbf"),
    **{name: partial(residual, name, 100) for name in ("auraface", "glintr100")},
    **{name: partial(crossface, name) for name in ("crossface_ghost", "crossface_hififace", "crossface_simswap")},
    "inswapper_128": partial(inswapper, "inswapper_128", 128),
    "inswapper_128_fp16": partial(inswapper, "inswapper_128_fp16", 128, half=True),
    **{f"reswapper_{side}": partial(inswapper, f"reswapper_{side}", side) for side in (128, 256)},
    **{name: partial(hyperswap, name) for name in ("hyperswap_1a_256", "hyperswap_1b_256", "hyperswap_1c_256")},
    **{f"ghost_{blocks}_256": partial(ghost, f"ghost_{blocks}_256", blocks) for blocks in (1, 2, 3)},
    "simswap_256": partial(simswap, "simswap_256", 256),
    "simswap_unofficial_512": partial(simswap, "simswap_unofficial_512", 512),
    **{name: partial(gfpgan, name) for name in ("gfpgan_1.2", "gfpgan_1.3", "gfpgan_1.4")},
    **{f"gpen_bfr_{side}": partial(gpen, f"gpen_bfr_{side}", side) for side in (256, 512, 1024, 2048)},
    "codeformer": partial(codeformer, "codeformer"),
    "restoreformer_plus_plus": partial(restoreformer, "restoreformer_plus_plus"),
    **{name: partial(xseg, name) for name in ("xseg_1", "xseg_2", "xseg_3")},
    **{f"bisenet_resnet_{depth}": partial(bisenet, f"bisenet_resnet_{depth}", depth) for depth in (18, 34)},
}
"""Layer by layer as the published networks."""

_SOMEWHERE: Final = PlantedFace(
    (220.0, 160.0, 420.0, 430.0), ((275.0, 270.0), (365.0, 270.0), (320.0, 320.0), (285.0, 370.0), (355.0, 370.0))
)

_CONTRACTS: Final[Mapping[str, Callable[[], ModelProto]]] = {
    "yoloface_8n": partial(plant_yolo, (_SOMEWHERE,)),
    "2d106det": lambda: plant_if106(_ring(106, 192)),
    "fan_68_5": plant_five68,
    "sface": partial(plant_recogniser, length=128),
    "alphaface_256": partial(plant_swapper, 256),
    "hififace_unofficial_256": partial(plant_swapper, 256, low=-1.0, emap=False),
    "blendswap_256": plant_image_swapper,
    "uniface_256": partial(plant_image_swapper, source_side=256, low=-1.0),
    "nsfw_1": partial(plant_rows, 640, (1,) * 5, 8400),
    "nsfw_2": partial(plant_scores, 384, (1, -1), -1.0, 1.0),
    "nsfw_3": partial(plant_scores, 448, (-1, -1, 1, 1), -1.62, 2.02, gain=8.0),
    "nudenet_320n": partial(plant_rows, 320, (0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0), 2100),
    "genderage": plant_genderage,
    "fairface": plant_fairface,
}
"""Networks whose layers are not known well enough: the contract alone, with a planted effect."""


def names() -> tuple[str, ...]:
    """Networks that have a stand-in, by their names in the catalogue."""
    return tuple(sorted((*_NETWORKS, *_CONTRACTS)))


def tells_cost(name: str) -> bool:
    """Whether the stand-in has the layers of the published network, so that its time says something."""
    return name in _NETWORKS


def draft(name: str, divisor: int = 1) -> Draft:
    """The stand-in's graph without weights; quick, and enough to count it.

    Args:
        name: One of those for which `tells_cost` holds.
        divisor: What the widths of all layers are divided by; 1 is the published size.

    Raises:
        ModelError: There is no such stand-in.
    """
    if name not in _NETWORKS:
        raise _unknown(name, tuple(_NETWORKS))
    return _NETWORKS[name](max(divisor, 1))


def build(name: str, divisor: int = 1, seed: int = 0) -> ModelProto:
    """A stand-in in memory; full size can be a gigabyte.

    Args:
        name: One of `names`.
        divisor: What the widths of all layers are divided by; 1 is the published size. What is planted has one size.
        seed: Of the weights: the same seed gives the same bytes.

    Raises:
        ModelError: There is no such stand-in.
    """
    if name in _CONTRACTS:
        return _named(_CONTRACTS[name](), name)
    if name not in _NETWORKS:
        raise _unknown(name, names())
    return draft(name, divisor).model(seed)


def write(name: str, path: Path, divisor: int = 1, seed: int = 0) -> None:
    """Write a stand-in to `path`, one tensor at a time; `path` is either whole or not there.

    Raises:
        ModelError: There is no such stand-in.
        OSError: It cannot be written.
    """
    if name in _NETWORKS:
        draft(name, divisor).write(path, seed)
    else:
        Draft(build(name, divisor, seed), ()).write(path)


def _named(model: ModelProto, name: str) -> ModelProto:
    model.graph.name = name
    return model


def _ring(count: int, side: int) -> npt.NDArray[np.float32]:
    """(count, 2): points on a circle in the middle of a crop of `side` px."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (side / 2 + circle * side / 3).astype(np.float32)


def _unknown(name: str, known: tuple[str, ...]) -> ModelError:
    near = difflib.get_close_matches(name, known, n=3)
    return ModelError(f"There is no stand-in for '{name}'.", f"Did you mean {' or '.join(near)}?" if near else "")
