"""What the studio needs of the rest of livecam, put together."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from livecam.app.assemble import networks_of
from livecam.app.auditing import audit_once
from livecam.app.bank import face_finder
from livecam.app.closing import ClosingNetworks
from livecam.app.consented import RunClock
from livecam.app.disclosing import new_session
from livecam.app.mesh import FULL_RANGE, LANDMARKS
from livecam.app.overseeing import ReadPolicy
from livecam.app.permitted import demand_output, locked, permitting
from livecam.app.safety_files import ContentRefused
from livecam.app.safety_photos import photo_guard
from livecam.app.safety_terms import Looks, looks_of
from livecam.app.stills.publishing import Publisher, Told
from livecam.app.stills.regions import HandShade, regions_of
from livecam.app.stills.seeing import StillFaces
from livecam.app.stills.telling import teller_of
from livecam.config import Config, Paths, Policy
from livecam.config.policy_file import installed
from livecam.core.frame import Image
from livecam.core.persona import Persona, Scope
from livecam.core.seams import Engine
from livecam.errors import PersonaError
from livecam.faces.consent_terms import refuse_invalid
from livecam.faces.library import PersonaLibrary
from livecam.faces.likeness import Likeness
from livecam.faces.photo import Photo, read_photo
from livecam.faces.prepared import Preparer
from livecam.inference.backends import embedded_backend
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.progress import Progress
from livecam.inference.recipes import HANDS
from livecam.inference.store import installed as installed_model
from livecam.vision.hands.landmarks import HandLandmarker
from livecam.vision.hands.palm import PalmDetector
from livecam.vision.mesh.detect import FullRangeDetector
from livecam.vision.mesh.landmarks import MeshLandmarker

_STUDIO: Final = "studio"
"""What the policy calls the studio's pictures."""


class Stills:
    """How the studio sees faces, whom it may show, and how its pictures leave. One thread.

    Args:
        config: Checked configuration, as the policy allows it.
        paths: Where files are kept.
        policy: Of this machine.
        permit: Raises `PersonaError` where a persona may not be worn.
        networks: The embedded ones.
        need: What a consent must cover.
        recogniser: By which faces are told apart rather than by another one, if it is here.

    Attributes:
        session: What the mark of all its pictures says.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths,
        policy: Policy,
        permit: Callable[[Persona], None],
        networks: ClosingNetworks,
        need: Scope,
        recogniser: str = "",
    ) -> None:
        self._recogniser = recogniser
        self._config, self._paths, self._policy = config, paths, policy
        self._permit, self._networks, self._need = permit, networks, need
        self._now = RunClock()
        self.session = new_session()
        self._about: dict[str, Told] = {}
        self._publisher = Publisher(config, paths, policy, self.session, self._look)

    @cached_property
    def faces(self) -> StillFaces:
        """Sees faces. Takes a moment when it is first asked for: networks are loaded.

        Raises:
            EngineError, ModelError: One cannot be loaded.
        """
        networks = self._networks
        near, far = networks.near_detector(), FullRangeDetector(networks.engine(FULL_RANGE))
        landmarker = MeshLandmarker(networks.engine(LANDMARKS))
        cache, folders = self._cache, self._folders
        teller = teller_of(cache, folders, self._config.models.provider, self._recogniser)
        return StillFaces((near, far), landmarker, teller, regions_of(cache, folders, self._engine, self._hands()))

    def source(self, path: Path) -> Photo:
        """The picture IN, upright, (H, W, 3) u8 BGR. It is only read.

        Raises:
            PhotoRefused: It cannot be read, is no picture, or is too large.
            ContentRefused: The content check saw nudity in it.
            ConfigError, ModelError, EngineError, ContractError: It cannot be checked.
        """
        photo = read_photo(path)
        self._look(photo.image, str(path))
        return photo

    def likeness(self, name: str) -> Likeness:
        """The persona `name` as the studio draws it.

        Raises:
            ConsentRefused: Its consent does not hold, or not for pictures.
            PersonaError: It does not exist, the policy forbids it, or no face is found in its photos.
            PhotoRefused: The content check refuses a photo.
            ConfigError, ModelError, EngineError, ContractError: It cannot be checked.
        """
        if not self._policy.allows_name(name):
            raise PersonaError(self._policy.refusal_of_name(name), "`livecam policy show` says what is locked.")
        persona = self._library.load(name)
        self._permit(persona)
        refuse_invalid(persona.name, persona.consent, self._now(), self._need)
        self._about[name] = _about(persona)
        return self._known(self._library.photos(name), name)

    def publish(
        self,
        image: Image,
        target: Path,
        *,
        persona: str = "",
        what: str = "swap",
        test: bool = False,
        replace: bool = False,
        told: Told | None = None,
    ) -> str:
        """Write `image`, (H, W, 3) u8 BGR, to OUT, whole or not at all: labelled as configured, marked, signed, noted.

        The mark moves no px by more than two levels, and the resolution stays, of colours too.

        Args:
            image: Only read.
            target: OUT; its suffix says the format: .png, .jpg or .webp.
            persona: Whom it shows; "" where it is still who it was.
            what: ``swap``, ``restore``, ``slate`` or ``view``.
            test: Whether random weights drew it: it is then marked TEST for everybody to see.
            replace: Whether OUT may be there.
            told: What else the audit log is told: backend, seed, cosine.

        Returns:
            What came of it, to end a sentence with.

        Raises:
            ConsentRefused: The persona's consent has ended meanwhile.
            ContentRefused: The content check saw nudity in what was made.
            AuditError: It cannot be noted, and the policy demands that.
            SinkError, ConfigError: It cannot be written, is there already, or cannot be signed as the policy demands.
        """
        facts = {**self._about.get(persona, _NOBODY), **(told or {})}
        return self._publisher(image, target, persona, what, test, replace, facts)

    def note(self, what: str, persona: str, told: Told | None = None) -> None:
        """Have the audit log say that something was made of a persona that did not leave, such as views for its pack.

        Raises:
            AuditError: It cannot, and the policy demands it.
        """
        facts = {**self._about.get(persona, _NOBODY), "session": f"{self.session:08x}", **(told or {})}
        enabled, required = self._config.audit.enabled, self._policy.audit_required
        audit_once(self._paths, "studio", enabled, required, command=what, persona=persona, **facts)

    def check(self, image: Image, name: str) -> None:
        """Refuse what may not be kept, where a content check is configured: `image`, (H, W, 3) u8 BGR, called `name`.

        Raises:
            ContentRefused: The content check saw nudity in it.
            ConfigError, ModelError, EngineError, ContractError: It cannot be checked.
        """
        self._look(image, name)

    def close(self) -> None:
        """Free the networks. Idempotent."""
        self._networks.close()

    def _known(self, photos: list[Photo], name: str) -> Likeness:
        """What the faces in `photos` say; photos without one are left out."""
        faces = self.faces
        seen = [(photo.image, found[0].landmarks.five) for photo in photos if (found := faces.find(photo.image))]
        if not seen:
            raise PersonaError(
                f"No face was found in the photos of {name!r}.", f"Give it others: livecam faces add {name} --replace"
            )
        vectors = np.stack([faces.embed(image, five) for image, five in seen])
        looks = tuple(mask for image, five in seen if (mask := faces.looks(image, five)) is not None)
        return Likeness(vectors, tuple(image for image, _ in seen), tuple(five for _, five in seen), looks)

    @cached_property
    def _library(self) -> PersonaLibrary:
        guard: Mapping[str, Preparer] = photo_guard(self._config, self._paths, lambda: face_finder(self._networks))
        return PersonaLibrary(self._paths.personas, guard, self._paths.prepared)

    @cached_property
    def _looks(self) -> Looks:
        return looks_of(self._config, self._paths)

    def _look(self, image: Image, name: str) -> None:
        """Refuse what the content check sees nudity in, where that is configured."""
        if not self._config.safety.nudity:
            return
        verdict = self._looks.judge(self._looks.copy(image))
        if verdict.hit:
            raise ContentRefused(
                f"{name} is refused: the content check saw nudity: {verdict}.", "docs/safety.md tells what is checked."
            )

    def _hands(self) -> HandShade | None:
        if not self._config.face.hands or not self._networks.has(HANDS):
            return None
        palm, hand = HANDS
        return HandShade(PalmDetector(self._networks.engine(palm)), HandLandmarker(self._networks.engine(hand)))

    def _engine(self, model: Model) -> Engine:
        provider = str(embedded_backend(self._config.models.provider))
        return load_model_engine(model, installed_model(model, self._cache), provider)

    @property
    def _cache(self) -> Path:
        return self._config.models.cache or self._paths.models

    @property
    def _folders(self) -> tuple[Path, ...]:
        return catalogue_folders(self._paths.recipes, self._config.models.recipes)


_NOBODY: Final[Told] = {"digest": "", "basis": "", "scope": ""}
"""Of a picture that shows whom it showed before."""


def _about(persona: Persona) -> Told:
    """What the audit log is told of `persona`: which it was, and on what ground it was shown, and for what that is."""
    consent = persona.consent
    scope = ",".join(str(one) for one in Scope if one in consent.scope)
    return {"digest": persona.digest, "basis": str(consent.basis), "scope": scope}


def open_stills(
    config: Config,
    paths: Paths,
    need: Scope = Scope.STILL,
    progress: Progress | None = None,
    read_policy: ReadPolicy = installed,
    recogniser: str = "",
) -> Stills:
    """What the studio works with. Fetches the embedded networks if they are not here.

    Args:
        config: Checked configuration; sections ``face``, ``label``, ``models``, ``provenance``, ``safety``, ``audit``.
        paths: Where files are kept.
        need: What the consent of a persona must cover.
        progress: Told what is fetched.
        read_policy: Reads what an administrator allows; the policy of this machine unless given.
        recogniser: By which faces are told apart rather than by another one, if it is here.

    Raises:
        ConfigError: The policy forbids the studio, or cannot be read.
        ModelError: An embedded network is missing and cannot be fetched.
    """
    policy = read_policy()
    demand_output(_STUDIO, policy)
    config = locked(config, policy)
    networks = networks_of(config, paths, progress)
    networks.ensure()
    return Stills(config, paths, policy, permitting(read_policy), networks, need, recogniser)
