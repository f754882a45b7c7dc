"""Presets: which networks work together. Everything but ``mesh`` needs weights that the user fetches."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class PresetName(StrEnum):
    """By the names that ``--preset`` takes."""

    MESH = "mesh"
    FAST = "fast"
    BALANCED = "balanced"
    QUALITY = "quality"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Preset:
    """A chain of networks by their recipes' names; "" stands for none, or for the embedded one.

    Attributes:
        summary: What it is for, in a sentence.
        detector: Finds faces that nobody follows yet; they are followed by the embedded mesh.
        swapper: "" for the mesh swap.
        boost: The swapper sees this many times its own resolution, in so many squared passes.
        enhancer: "" for none.
        blend: How much of the enhancer shows, 0..1.
        occlusion: Tells hands and cups from face; "" for none.
        regions: Tells face from hair and glasses; "" for none.
        small_enhancer: Takes the enhancer's place under load; "" for none.
        cost: What a frame with one face asks for, computed, not measured (MODELS.md H.4).
    """

    summary: str
    detector: str = ""
    swapper: str = ""
    boost: int = 1
    enhancer: str = ""
    blend: float = 0.7
    occlusion: str = ""
    regions: str = ""
    small_enhancer: str = ""
    cost: str = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """The recipes it names, in order of use; what a swapper needs besides is in its own recipe."""
        names = (self.detector, self.swapper, self.enhancer, self.occlusion, self.regions, self.small_enhancer)
        return tuple(name for name in names if name)


PRESETS: Final[Mapping[PresetName, Preset]] = {
    PresetName.MESH: Preset(
        summary="The embedded swap: no weights to fetch, any processor.",
        cost="about 9 ms a frame on one processor core, measured",
    ),
    PresetName.FAST: Preset(
        summary="The classic swapper alone.",
        detector="scrfd_2.5g",
        swapper="inswapper_128_fp16",
        cost="356 GFLOP; ideal 0.5 ms H200, 6 ms RTX 4070, 14 ms RTX 3060",
    ),
    PresetName.BALANCED: Preset(
        summary="A sharper swapper at a fifth of the cost, and a light enhancer.",
        detector="scrfd_2.5g",
        swapper="hyperswap_1a_256",
        enhancer="gpen_bfr_256",
        cost="88 GFLOP; ideal 0.6 ms H200, 5 ms RTX 4070, 7 ms RTX 3060",
    ),
    PresetName.QUALITY: Preset(
        summary="Hands and hair stay in front, and the skin is restored.",
        detector="scrfd_2.5g",
        swapper="hyperswap_1a_256",
        enhancer="gfpgan_1.4",
        occlusion="xseg_3",
        cost="494 GFLOP; ideal 1.6 ms H200, 14 ms RTX 4070, 23 ms RTX 3060",
    ),
    PresetName.IDENTITY: Preset(
        summary="The strongest likeness, at a price.",
        detector="scrfd_2.5g",
        swapper="inswapper_128",
        boost=2,
        enhancer="gpen_bfr_512",
        cost="1680 GFLOP; ideal 3 ms H200, 34 ms RTX 4070, 69 ms RTX 3060: not for 30 fps on those",
    ),
}
"""By name. Costs are sums over the chain of the larger of arithmetic (fp32 accumulate) and memory traffic (fp16)."""
