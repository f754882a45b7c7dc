"""Views of the drawn wearer before the camera: from a recording to the vector that a frame is swapped with."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from livecam.app.assemble import Assembly, persona_library
from livecam.app.packs import Packs
from livecam.app.people import Told
from livecam.app.rehearsal import Rehearsal
from livecam.bench.standins.folder import write_folder
from livecam.cli.bench_quality_run import pack_of
from livecam.cli.root import root
from livecam.config import PRESETS, Config, Paths, PresetName, load
from livecam.core.cleared import How
from livecam.core.frame import NS_PER_S, Frame, Image, Size
from livecam.core.persona import Basis
from livecam.core.seams import Processor
from livecam.core.settings import Mode, SetMode, Settings, apply
from livecam.errors import ConfigError, ConsentRefused, PersonaError, WeightsMissing
from livecam.faces.library import PersonaLibrary
from livecam.faces.pack import IdentityPack, Origin
from livecam.faces.pack_store import PackStore
from livecam.inference import recognisers, weights
from livecam.inference.catalogue import catalogue_folders, recipe_files
from livecam.inference.chain import networks_of
from livecam.inference.recognisers import Rule
from livecam.vision.angles import HeadAngles, bin_of
from livecam.vision.portrait.motion import Pose
from livecam.vision.swap.identity import NeuralIdentity
from tests.app.enrolling import HEIGHT, WIDTH, posed, somebody_else, turning
from tests.cli.test_enroll import recording

RECOGNISER = "arcface_w600k_r50"
SWAPPER = PRESETS[PresetName.FAST].swapper
LENIENT = Rule(0.7, 0.5)
"""What the planted recogniser tells of the drawn wearer who turns by 30 degrees: 0.57 and more."""


class Place:
    """A user's files: planted networks of the preset fast, and a persona that is the drawn wearer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"LIVECAM_DATA": str(folder / "data"), "LIVECAM_CACHE": str(folder / "cache")}
        self.paths = Paths.find(self.environment)
        models = networks_of(PRESETS[PresetName.FAST], catalogue_folders(None)).values()
        write_folder(folder, models, recipe_files(), 0, weights.cache_folder())
        self.recipe = folder / "recipes" / f"{RECOGNISER}.toml"
        # A stand-in is refused.
        self.recipe.write_text(self.recipe.read_text().replace("STAND-IN", "Planted"))
        self.photo(posed(Pose(), 77), "me.png")
        self.library().add("me", [folder / "me.png"], Basis.SELF, "Me")
        self.library().add("friend", [folder / "me.png"], Basis.WRITTEN, "A friend")

    def photo(self, image: Image, name: str) -> None:
        cv2.imwrite(str(self.folder / name), image)

    @property
    def flags(self) -> dict[str, object]:
        models = {"models.recipes": str(self.recipe.parent), "models.cache": str(self.folder / "models")}
        return {**models, "face.persona": "me", "neural.preset": "fast", "neural.detector": "none"}

    def config(self, **more: str) -> Config:
        flags = self.flags | {name.replace("__", "."): value for name, value in more.items()}
        return load(flags, Path(os.devnull), {}).config

    def library(self, **more: str) -> PersonaLibrary:
        return persona_library(self.config(**more), self.paths)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Place:
    return Place(tmp_path_factory.mktemp("packs"))


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted recogniser takes the drawn wearer for the same person."""
    monkeypatch.setitem(recognisers.RECOGNISERS, RECOGNISER, LENIENT)


@pytest.fixture(scope="module")
def turn(place: Place) -> str:
    """A recording of the wearer, who turns the head."""
    return recording(place.folder / "turn.mp4", turning())


def taken(place: Place, source: str, name: str = "me", seen: list[Told] | None = None, **more: str) -> IdentityPack:
    packs = Packs(place.config(source__spec=source, **more), place.paths)
    try:
        return packs.add_from_camera(name, 60.0, (seen if seen is not None else []).append)
    finally:
        packs.close()


@pytest.fixture(scope="module")
def pack(place: Place, turn: str) -> IdentityPack:
    """The views of that recording."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recognisers.RECOGNISERS, RECOGNISER, LENIENT)
        return taken(place, turn)


def test_a_turn_of_the_head_becomes_views_and_is_worn(place: Place, turn: str, pack: IdentityPack) -> None:
    seen: list[Told] = []
    before = pack
    pack = taken(place, turn, seen=seen)
    assert len(pack.of(Origin.PHOTO)) == 1
    bins = {bin_of(view.angles) for view in pack.of(Origin.WEBCAM)}
    assert {bin_of(HeadAngles(yaw, 0)) for yaw in (-20, 0, 20, 40)} <= bins
    assert len(bins) == len(pack.of(Origin.WEBCAM)) >= 6
    assert {told.hint for told in seen} > {"Turn slowly to your right.", "Turn slowly to your left."}
    kept = PackStore(place.library().files("me")).read()
    assert kept is not None
    assert kept.known_by == pack.known_by
    worn = place.library(neural__angles="true").load("me").identity[SWAPPER]
    assert isinstance(worn, NeuralIdentity)
    assert worn.angled is not None
    assert len({row.tobytes() for row in worn.angled.rows}) == 1 + len(bins)
    plain = place.library().load("me").identity[SWAPPER]
    assert isinstance(plain, NeuralIdentity)
    assert plain.angled is None
    assert len(pack.views) == len(before.views), "taken again, they take the place of those before"


def test_a_run_follows_a_new_pack(place: Place, pack: IdentityPack) -> None:
    PackStore(place.library().files("me")).keep(pack)
    assembly = Assembly(place.config(neural__angles="true"), place.paths)
    before = assembly.wardrobe.prepare("me")
    assert assembly.wardrobe.prepare("me") is before
    PackStore(place.library().files("me")).forget()
    assert assembly.wardrobe.prepare("me") is not before


def played(processor: Processor, images: list[Image], settings: Settings) -> Image:
    """The last picture."""
    picture = np.empty(Size(WIDTH, HEIGHT).picture_shape, np.uint8)
    frames = [Frame(image, number + 1, (number + 1) * NS_PER_S // 30) for number, image in enumerate(images)]
    told = [processor.process(frame, picture, settings) for frame in frames]
    assert told[-1] is How.SWAPPED
    return picture


def test_somebody_else_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recognisers.RECOGNISERS, RECOGNISER, Rule(0.8, 0.75))
    room = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    room[:, 80:560] = somebody_else()[0]
    with pytest.raises(PersonaError, match="not the person of the persona's photos"):
        taken(place, recording(place.folder / "other.mp4", [room] * 20))


def test_one_side_is_not_enough(place: Place) -> None:
    with pytest.raises(PersonaError, match="Too little was seen: 1 views, from one side only"):
        taken(place, recording(place.folder / "still.mp4", [posed(Pose(), number) for number in range(4)]))


def test_only_ones_own_face_turns_before_the_camera(place: Place, turn: str) -> None:
    with pytest.raises(ConsentRefused, match=r"'friend' is worn on the ground written.*--basis self"):
        taken(place, turn, "friend")
    with pytest.raises(PersonaError, match="'nobody' is drawn"):
        taken(place, turn, "nobody")
    with pytest.raises(PersonaError, match="no persona 'ghost'"):
        taken(place, turn, "ghost")


def test_a_swapper_that_takes_no_vector_needs_no_pack(place: Place, turn: str) -> None:
    with pytest.raises(ConfigError, match=r"The mesh swap takes the photos.*--preset fast"):
        taken(place, turn, neural__preset="mesh")


def test_a_recogniser_that_is_missing_or_a_stand_in_is_told(place: Place, turn: str) -> None:
    planted = place.recipe.read_text()
    place.recipe.write_text(planted.replace("Planted", "STAND-IN"))
    try:
        with pytest.raises(ConfigError, match="tells nobody apart"):
            taken(place, turn)
    finally:
        place.recipe.write_text(planted)
    model = place.folder / "models" / RECOGNISER
    away = model.rename(model.with_name("away"))
    try:
        with pytest.raises(WeightsMissing, match=RECOGNISER):
            taken(place, turn)
    finally:
        away.rename(model)


def test_the_command_says_what_there_is_takes_views_and_forgets(
    place: Place, turn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    for path, setting in place.flags.items():
        monkeypatch.setenv("LIVECAM_" + path.replace(".", "_").upper(), str(setting))

    def views(*arguments: str) -> Result:
        return CliRunner().invoke(root, ["faces", "views", "me", *arguments])

    views("--forget")
    assert views().output == "'me' has no identity pack: its photos alone say who it is.\n"
    assert json.loads(views("--json").output) is None
    done = views("--camera", "--source", turn, "--seconds", "60")
    assert done.exit_code == 0, done.output
    assert "1 photo, " in done.output
    assert "known by arcface_w600k_r50" in done.output
    told = json.loads(views("--json").output)
    assert {view["origin"] for view in told["views"]} == {"photo", "webcam"}
    assert all(view["counts"] == 1 for view in told["views"])
    assert views("--forget").output == "The identity pack of 'me' is deleted.\n"
    assert views("--forget").output == "'me' has no identity pack.\n"
    assert views("--camera", "--forget").exit_code != 0


def test_a_measurement_has_the_persona_with_its_pack_and_without(place: Place, pack: IdentityPack) -> None:
    resolved = load({**place.flags, "neural.angles": "true"}, Path(os.devnull), place.environment)
    PackStore(place.library().files("me")).forget()
    sources, why = pack_of(resolved, Rehearsal(resolved.config, place.paths))
    assert sources is None
    assert why.startswith("'me' has no identity pack that this swapper can use")
    PackStore(place.library().files("me")).keep(pack)
    rehearsal = Rehearsal(resolved.config, place.paths)
    sources, why = pack_of(resolved, rehearsal)
    assert sources is rehearsal.angled is not None
    assert why == ""
    plain = rehearsal.without_pack.identity[SWAPPER]
    assert isinstance(plain, NeuralIdentity)
    assert plain.angled is None
    pictures = []
    for worn in (True, False):
        made = rehearsal.pipeline(Size(WIDTH, HEIGHT), lambda follower: follower, pack=worn)
        pictures.append(played(made.processor, [posed(Pose(yaw=24.0), number) for number in range(6)], wearing()))
        made.close()
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 2
    off = load(place.flags, Path(os.devnull), place.environment)
    assert pack_of(off, rehearsal) == (None, ""), "nobody asked"


def wearing() -> Settings:
    return apply(Settings(persona="me"), SetMode(Mode.SWAP))
