"""Stand-ins for the networks of the catalogue, made on demand from a seed: none of their weights are anybody's.

Two kinds. `build` and `write` give networks with the layers of the published ones and drawn weights: at full size they
cost what those cost, at a sixteenth of the width they run at camera rate; what they make of a face is noise. The
``plant_`` functions give networks whose effect is chosen, for tests of everything around them. Every file is marked;
`is_stand_in` tells.
"""

from livecam.bench.standins.count import Totals, count, count_file
from livecam.bench.standins.graph import DIVISOR
from livecam.bench.standins.mark import is_stand_in, metadata
from livecam.bench.standins.planted_crops import (
    plant_bisenet,
    plant_converter,
    plant_enhancer,
    plant_hyperswap,
    plant_image_swapper,
    plant_recogniser,
    plant_swapper,
    plant_xseg,
    small_matrix,
)
from livecam.bench.standins.planted_faces import (
    PlantedFace,
    plant_constant,
    plant_fan68,
    plant_five68,
    plant_if106,
    plant_mesh468,
    plant_scrfd,
    plant_yolo,
    plant_yunet,
)
from livecam.bench.standins.planted_safety import plant_fairface, plant_genderage, plant_rows, plant_scores
from livecam.bench.standins.shelf import build, draft, names, tells_cost, write

__all__ = [
    "DIVISOR",
    "PlantedFace",
    "Totals",
    "build",
    "count",
    "count_file",
    "draft",
    "is_stand_in",
    "metadata",
    "names",
    "plant_bisenet",
    "plant_constant",
    "plant_converter",
    "plant_enhancer",
    "plant_fairface",
    "plant_fan68",
    "plant_five68",
    "plant_genderage",
    "plant_hyperswap",
    "plant_if106",
    "plant_image_swapper",
    "plant_mesh468",
    "plant_recogniser",
    "plant_rows",
    "plant_scores",
    "plant_scrfd",
    "plant_swapper",
    "plant_xseg",
    "plant_yolo",
    "plant_yunet",
    "small_matrix",
    "tells_cost",
    "write",
]
