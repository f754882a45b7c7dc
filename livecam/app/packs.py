"""Identity packs of this installation: what is in them, and how views are added by the guided webcam."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from livecam.app.assemble import networks_of, neural_of, persona_library
from livecam.app.choose import choose_source
from livecam.app.closing import ClosingNetworks
from livecam.app.consented import Agreement
from livecam.app.neural import NeuralNetworks
from livecam.app.people import Told, watch
from livecam.app.registry import make_source
from livecam.config import Config, Paths
from livecam.core.clock import MonotonicClock
from livecam.core.face import Face
from livecam.core.frame import Image
from livecam.core.persona import Basis, Scope
from livecam.core.seams import Follower
from livecam.errors import ConfigError, ConsentRefused, PersonaError
from livecam.faces.builtin import BUILT_IN
from livecam.faces.consent_terms import holds_now
from livecam.faces.entry import Files
from livecam.faces.library import PersonaLibrary
from livecam.faces.likeness import Likeness, Vectors
from livecam.faces.pack import MOST_WEIGHT, IdentityPack, KnownBy, Origin, View, consent_digest, stamp
from livecam.faces.pack_store import PackStore
from livecam.faces.photo import Photo
from livecam.faces.views import ViewGuide
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import STAND_IN
from livecam.inference.recognisers import RECOGNISERS, Rule
from livecam.vision.angles import HeadAngles
from livecam.vision.heading import HeadPose, angles_of_five
from livecam.vision.recognise import SAME_PERSON, Embedding, Recogniser, normalised


@dataclass(frozen=True, slots=True)
class Knower:
    """The recogniser whose vectors the configured swapper takes. One thread.

    Attributes:
        known_by: Which it is.
        recogniser: The network.
        rule: What the cosine of two vectors tells.
    """

    known_by: KnownBy
    recogniser: Recogniser
    rule: Rule

    def __call__(self, image: Image, face: Face) -> Embedding:
        """(512,) f32 of length 1: who `face` of `image`, (H, W, 3) u8 BGR, is.

        Raises:
            EngineError, ContractError: The network failed.
        """
        return normalised(self.recogniser.embed(image, face.landmarks.five))


def known_by(neural: NeuralNetworks | None) -> KnownBy:
    """By what the swapper of `neural` knows people.

    Raises:
        ConfigError: It knows nobody by a vector.
    """
    if neural is None:
        what = "The mesh swap takes the photos themselves, no vector: an identity pack is of no use to it."
        raise ConfigError(what, "Name a preset whose networks swap, such as --preset fast.")
    name = neural.recogniser
    if not name:
        what = f"{neural.config.neural.chain.swapper} takes a picture of the persona, no vector."
        raise ConfigError(what, "Name another swapper: --swapper inswapper_128.")
    return KnownBy(name, neural.chain.models[name].digest)


def _knower(neural: NeuralNetworks | None) -> Knower:
    """Loads the recogniser.

    Raises:
        ConfigError: As `known_by`; or it is a stand-in.
        ModelError, EngineError: It is not on this machine, or cannot be loaded.
    """
    which = known_by(neural)
    assert neural is not None, "known_by refuses it"
    if neural.chain.models[which.name].summary.startswith(STAND_IN):
        raise ConfigError("A stand-in for a recogniser tells nobody apart: views would be anybody's.")
    rule = RECOGNISERS.get(which.name, Rule(SAME_PERSON, SAME_PERSON / 2))
    return Knower(which, neural.make_recogniser(), rule)


class Packs:
    """The packs of the personas here, for the configured swapper. One thread.

    Args:
        config: Checked configuration.
        paths: Where files are kept.

    Raises:
        ConfigError, ModelError: The preset cannot be used.
    """

    def __init__(self, config: Config, paths: Paths) -> None:
        self._config = config
        self._networks: ClosingNetworks = networks_of(config, paths)
        self._neural = neural_of(config, paths, self._networks)
        self._library: PersonaLibrary = persona_library(config, paths, self._networks)

    def add_from_camera(self, name: str, seconds: float, told: Callable[[Told], None]) -> IdentityPack:
        """Watch the person of the persona `name` turn the head, and keep what is seen in its pack.

        Raises:
            ConfigError: The configured swapper takes no vectors.
            ConsentRefused: The persona is somebody else's face than the user's, or its consent does not hold.
            PersonaError: There is no such persona, too little was seen, it is somebody else, or it cannot be kept.
            SourceError: The camera cannot be opened, or went away and did not come back in time.
            ModelError, EngineError: A network cannot be had, or failed.
        """
        files = self._own(name)
        store, knower = PackStore(files), _knower(self._neural)
        before = _before(store, name, knower.known_by)
        self._networks.ensure()
        follower = self._networks.follower()
        photos = photo_views(files.decoded(), follower, knower)
        guide = ViewGuide(knower, _vectors(photos), knower.rule.same, knower.rule.other)
        source = make_source(choose_source(self._config.source.spec), self._config.wish, MonotonicClock())
        follower.reset()
        try:
            watch(source, follower, guide, seconds, told)
        finally:
            source.close()
        consent = consent_digest(files.record.consent)
        pack = (before or IdentityPack(knower.known_by, (), consent, stamp())).with_views(Origin.PHOTO, photos, consent)
        pack = pack.with_views(Origin.WEBCAM, guide.views(), consent)
        store.keep(pack)
        return pack

    def close(self) -> None:
        """Free the networks. Idempotent."""
        self._networks.close()

    def _own(self, name: str) -> Files:
        """The files of a persona that is the user's own face.

        Raises:
            ConsentRefused: It is not.
            PersonaError: There is none.
        """
        files = self._library.files(name)
        if files.name == BUILT_IN:
            raise PersonaError(f"{BUILT_IN!r} is drawn: nobody can turn that head before a camera.")
        holds_now(files.name, files.record.consent)
        if files.record.consent.basis is not Basis.SELF:
            raise ConsentRefused(
                f"{files.name!r} is worn on the ground {files.record.consent.basis}: views from the camera are for a "
                "persona of your own face.",
                f"If it is yours: livecam faces consent {files.name} --renew --basis self",
            )
        return files


class GeneratedViews:
    """The pack of a persona, for views that were generated: looked at before any is.

    Args:
        config: Checked configuration.
        paths: Where files are kept.
        name: Of the persona.
        told: Recipe of the recogniser whose vectors the views are.

    Raises:
        PersonaError: There is no such persona, its pack is of another recogniser, or cannot be read.
        ModelError: There is no such recogniser.
    """

    def __init__(self, config: Config, paths: Paths, name: str, told: str) -> None:
        files = PersonaLibrary(paths.personas, {}, paths.prepared).files(name)
        if files.name == BUILT_IN:
            raise PersonaError(f"{BUILT_IN!r} is drawn, and has no identity pack.", "Name a persona of your own.")
        model = load_model(told, catalogue_folders(paths.recipes, config.models.recipes))
        self._store, self._consent = PackStore(files), consent_digest(files.record.consent)
        self._agreed = Agreement(paths.personas, [name], Scope.STILL)
        which = KnownBy(model.name, model.digest)
        self._pack = _before(self._store, name, which) or IdentityPack(which, (), self._consent, stamp())

    def keep(self, likeness: Likeness, views: Sequence[View]) -> IdentityPack:
        """Keep `views` in place of those that were generated before, beside those of the photos of `likeness`.

        Raises:
            ConsentRefused: The persona's consent has ended meanwhile.
            PersonaError: It cannot be kept.
        """
        self._agreed.demand()
        pack = self._pack.with_views(Origin.PHOTO, _of_likeness(likeness), self._consent)
        pack = pack.with_views(Origin.GENERATED, views, self._consent)
        self._store.keep(pack)
        return pack


def _before(store: PackStore, name: str, which: KnownBy) -> IdentityPack | None:
    """The pack so far, to which views by the recogniser `which` may be added.

    Raises:
        PersonaError: It is of another recogniser, or cannot be read.
    """
    before = store.read()
    if before is not None and before.known_by != which:
        raise PersonaError(
            f"The identity pack of {name!r} holds views by {before.known_by.name}, and these are by {which.name}.",
            f"Delete it, and make all views again: livecam faces views {name} --forget",
        )
    return before


def _of_likeness(likeness: Likeness) -> list[View]:
    angles = [angles_of_five(five) or HeadAngles(0.0, 0.0) for five in likeness.fives]
    weight = MOST_WEIGHT[Origin.PHOTO]
    return [
        View(normalised(vector), each, Origin.PHOTO, weight)
        for vector, each in zip(likeness.vectors, angles, strict=True)
    ]


def photo_views(photos: Sequence[Photo], follower: Follower, knower: Knower) -> list[View]:
    """What the recogniser sees in a persona's photos.

    Raises:
        PersonaError: In none of them is a face.
        EngineError, ContractError: A network failed.
    """
    pose, views = HeadPose(), []
    for photo in photos:
        follower.reset()
        faces = follower(photo.image, 0, 0.0)
        angles = pose(faces[0]) if faces else None
        if angles is not None:
            views.append(View(knower(photo.image, faces[0]), angles, Origin.PHOTO, MOST_WEIGHT[Origin.PHOTO]))
    if not views:
        raise PersonaError("No face is found in the persona's photos.", "Add it again with others: --replace")
    return views


def _vectors(views: Sequence[View]) -> Vectors:
    return np.stack([view.vector for view in views])
