"""For the tests of enrolment: a drawn nobody who turns the head, another one, and a place of their own for files."""

import os
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.assemble import networks_of
from livecam.app.wearers import enrolled_in, look_of
from livecam.bench.standins.folder import write_folder
from livecam.config import Config, Paths, load
from livecam.core.frame import NS_PER_S, Image, Points
from livecam.faces.enroll import Guide, Template
from livecam.inference import recognisers, weights
from livecam.inference.catalogue import catalogue_folders, load_model, recipe_files
from livecam.inference.recognisers import Rule
from livecam.vision.portrait.assets import PERSONA_VIEW, persona_photo
from livecam.vision.portrait.motion import Pose
from livecam.vision.portrait.puppet import Puppet, Stage
from livecam.vision.portrait.recipe import PERSONA
from livecam.vision.portrait.render import landmarks_px

WIDTH, HEIGHT = 640, 480
YAWS = (0, -6, -12, -17, -22, -27, -32, -36, -32, -22, -12, 0, 12, 17, 22, 27, 32, 36, 30, 18, 8, 0)
PITCHES = (-9, -18, -9, 0, 9, 18)
PLANTED = Rule(0.9, 0.8)
"""What the planted recogniser tells: the drawn wearer again 0.95 and more, the drawn persona 0.69."""


@lru_cache(maxsize=1)
def puppet() -> tuple[Puppet, Image]:
    """The drawn wearer, and the room with what stands still."""
    drawn, room = Puppet(Stage(320.0, 226.0, 480 / 42, WIDTH, HEIGHT)), np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    drawn.draw_still(room)
    return drawn, room


def posed(pose: Pose, seed: int = 0) -> Image:
    """(480, 640, 3) u8 BGR: the drawn wearer, with a camera's noise."""
    drawn, room = puppet()
    image = room.copy()
    drawn.draw(image, pose)
    noise = np.random.default_rng(seed).normal(0, 1.5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def turning() -> list[Image]:
    """The drawn wearer, who turns the head as one is asked to."""
    poses = [Pose(yaw=float(yaw)) for yaw in YAWS] + [Pose(pitch=float(pitch)) for pitch in PITCHES]
    return [posed(pose, number) for number, pose in enumerate(poses)]


@lru_cache(maxsize=1)
def somebody_else() -> tuple[Image, Points]:
    """The drawn persona, (480, 480, 3) u8 BGR, and the mesh, (468, 2) px."""
    scale = HEIGHT / PERSONA_VIEW.height
    small = cv2.resize(persona_photo(), (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small, (landmarks_px(PERSONA, PERSONA_VIEW) * scale).astype(np.float32)[:, :2]


class Place:
    """A user's files, with the embedded networks and, where asked for, a recogniser.

    Args:
        folder: For everything.
        recogniser: Whether a planted one stands where SFace would.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, recogniser: bool) -> None:
        self.folder = folder
        self.paths = Paths.find({"LIVECAM_DATA": str(folder / "data"), "LIVECAM_CACHE": str(folder / "cache")})
        self._flags: dict[str, object] = {"models.cache": str(weights.cache_folder())}
        if recogniser:
            self.add_recogniser(monkeypatch)

    def add_recogniser(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Plant one; its recipe does not say that it is a stand-in, or it would not be used."""
        model = load_model("sface", catalogue_folders(None))
        write_folder(self.folder, [model], recipe_files(), 0, weights.cache_folder())
        recipe = self.folder / "recipes" / "sface.toml"
        recipe.write_text(recipe.read_text().replace("STAND-IN", "Planted"))
        self._flags = {"models.recipes": str(recipe.parent), "models.cache": str(self.folder / "models")}
        monkeypatch.setitem(recognisers.RECOGNISERS, "sface", PLANTED)

    def config(self, **more: str) -> Config:
        """Of a run here."""
        flags = self._flags | {"face.persona": "nobody"}
        flags |= {name.replace("__", "."): value for name, value in more.items()}
        return load(flags, Path(os.devnull), {}).config

    def enrol(self, name: str = "me") -> Template:
        """Enrol the drawn wearer."""
        config = self.config()
        networks = networks_of(config, self.paths)
        follower, guide = networks.follower(), Guide(look_of(config, self.paths))
        for number, image in enumerate(turning()):
            guide.take(image, follower(image, (number + 1) * NS_PER_S // 30, 0.0))
        template = guide.template(name)
        enrolled_in(self.paths).keep(template)
        return template
