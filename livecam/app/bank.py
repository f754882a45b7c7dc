"""The face bank of a configuration: its personas, what judges their photos, and what they change when they are worn."""

from functools import partial

from livecam.app.assemble import networks_of, neural_of
from livecam.app.auditing import audit_once
from livecam.app.mesh import FULL_RANGE, LANDMARKS, Networks
from livecam.app.neural import NeuralNetworks
from livecam.app.safety_photos import photo_guard
from livecam.config import Config, Paths
from livecam.config.policy_file import installed
from livecam.core.frame import Image, Points
from livecam.core.settings import Command, SetBlend, SetShape, Settings
from livecam.faces.bank import FaceBank
from livecam.faces.favourites import Favourites, path_of
from livecam.faces.library import PersonaLibrary
from livecam.faces.prepared import Preparer
from livecam.faces.quality import FaceFinder, PhotoJudge
from livecam.faces.worn import WornAs
from livecam.vision.mesh.detect import FullRangeDetector
from livecam.vision.mesh.landmarks import MeshLandmarker
from livecam.vision.mesh.preparer import MeshPreparer


class _FaceFinder(MeshPreparer):
    """Finds the face that a mesh identity would be made of."""

    def find(self, image: Image) -> tuple[Points | None, int]:
        """Landmarks, (478, 3) f32 px, of the largest face of `image`, and how many faces there are."""
        return self._face(image)


def photo_judge(networks: Networks, *, strict: bool) -> PhotoJudge:
    """What says how good photos are, with engines of its own, loaded when first needed.

    Args:
        networks: The embedded ones.
        strict: Whether what the mesh swap cannot use is refused.
    """
    return PhotoJudge(face_finder(networks), strict=strict)


def face_finder(networks: Networks) -> FaceFinder:
    """What finds the face in a photo, with engines of its own, loaded when first needed."""
    return _FaceFinder(
        networks.near_detector,
        lambda: FullRangeDetector(networks.engine(FULL_RANGE)),
        lambda: MeshLandmarker(networks.engine(LANDMARKS)),
    ).find


def library_of(
    config: Config, paths: Paths, networks: Networks, neural: NeuralNetworks | None, judge: PhotoJudge | None = None
) -> PersonaLibrary:
    """The user's personas and the built-in one, prepared for the configured preset, their photos judged."""
    preparers: dict[str, Preparer] = {**photo_guard(config, paths, lambda: face_finder(networks))}
    if neural is not None:
        preparers[config.neural.chain.swapper] = neural.preparer()
    else:
        preparers["mesh"] = networks.preparer()
    judge = judge or photo_judge(networks, strict=neural is None)
    return PersonaLibrary(paths.personas, preparers, paths.prepared, judge=judge)


def face_bank(config: Config, paths: Paths) -> FaceBank:
    """The face bank, with networks of its own, loaded when first needed. Takes a moment to import.

    Raises:
        ConfigError: A network was named for what it does not do, or a favourite has no number from 1 to 9.
        ModelError: There is no such recipe, or it cannot be used.
    """
    networks = networks_of(config, paths)
    neural = neural_of(config, paths, networks)
    judge = photo_judge(networks, strict=neural is None)
    library = library_of(config, paths, networks, neural, judge)
    note = partial(audit_once, paths, enabled=config.audit.enabled, required=installed().audit_required)
    return FaceBank(library, judge, favourites_of(config, paths), note=note)


def favourites_of(config: Config, paths: Paths) -> Favourites:
    """Who is on which number key.

    Raises:
        ConfigError: A favourite of the configuration has no number from 1 to 9.
    """
    return Favourites(path_of(paths.data), config.bank.favourites)


def dressing(worn: WornAs, before: WornAs, usual: Settings) -> tuple[Command, ...]:
    """What is to be ordered when one persona follows another, besides the persona itself.

    What the persona before had as its own goes back to what is usual; what neither has stays as it is.

    Args:
        worn: Of the persona to be worn.
        before: Of the one worn until now.
        usual: The settings of all.
    """
    commands: list[Command] = []
    blend = worn.blend if worn.blend is not None else usual.blend if before.blend is not None else None
    shape = worn.shape if worn.shape is not None else usual.shape if before.shape is not None else None
    if blend is not None:
        commands.append(SetBlend(blend))
    if shape is not None:
        commands.append(SetShape(shape))
    return tuple(commands)
