"""The pipeline: what is not swapped or covered is withheld, whatever its parts do."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.cleared import How, Withheld
from livecam.core.face import Box, Face, Landmarks, Topology
from livecam.core.frame import Frame, Image, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.people import Known, Standing
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Canvas, Swapper
from livecam.core.settings import Mode, Others, Settings
from livecam.errors import ContractError, EngineError, FaceUncovered
from livecam.pipeline import Pipeline

SIZE = Size(320, 240)
PERSONA = Persona("ann", {}, Consent(Basis.SYNTHETIC, "", "", ()), "")
SETTINGS = Settings(persona="ann")


def face_at(x: float, y: float, side: float = 80, track_id: int = 1) -> Face:
    points = np.tile(np.array([[x, y]], dtype=np.float32), (478, 1))
    landmarks = Landmarks(points, Topology.MESH468)
    box = Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Face(box, landmarks, np.zeros(478, dtype=np.float32), 0.9, track_id)


class Following:
    """The follower of `Parts`."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self.resets = 0

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        return self._parts.faces

    def reset(self) -> None:
        self._parts.resets += 1


class Parts:
    """Doubles of every part; the swapper paints the face's box white."""

    def __init__(self) -> None:
        self.faces: tuple[Face, ...] = (face_at(100, 120),)
        self.others: tuple[Box, ...] = ()
        self.on_swap: Callable[[], None] = lambda: None
        self.on_watch: Callable[[], None] = lambda: None
        self.on_copied: Callable[[], None] = lambda: None
        self.may_paint = False
        self.known: list[Sequence[Box]] = []
        self.begun = self.resets = 0
        self.confirmed = True
        self.pipeline = Pipeline(CpuCanvas(), Following(self), self, self.swap, {"ann": PERSONA}.get)  # type: ignore[arg-type]

    def swap(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        self.on_swap()
        assert self.may_paint, "painted on while the watch was still taking its copy"
        box = face.box
        canvas.pixels[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] = 255

    def copied(self) -> None:
        self.on_copied()
        self.may_paint = True

    def begin(self, image: Image) -> None:
        self.begun += 1
        self.may_paint = False

    def finish(self, known: Sequence[Box]) -> tuple[Box, ...]:
        self.known.append(known)
        self.on_watch()
        return self.others

    def confirms(self, face: Box) -> bool:
        return self.confirmed

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        pass

    def process(self, settings: Settings = SETTINGS) -> tuple[How | Withheld, Image]:
        """The outcome, and the picture that was written, as BGR."""
        rng = np.random.default_rng(0)
        image = rng.integers(0, 255, SIZE.image_shape, dtype=np.uint8)
        out: Picture = np.zeros(SIZE.picture_shape, dtype=np.uint8)
        outcome = self.pipeline.process(Frame(image, 1, 1), out, settings)
        return outcome, np.asarray(cv2.cvtColor(out, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)


def test_the_wearer_is_swapped_and_named_to_the_watch() -> None:
    parts = Parts()
    outcome, shown = parts.process()
    assert outcome is How.SWAPPED
    assert shown[90:150, 70:130].min() > 250
    assert parts.known == [(parts.faces[0].box,)]
    assert set(parts.pipeline.stages()) == {"track", "swap", "watch", "store"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(persona="ann", panic=True), Withheld.PANIC),
        (Settings(persona="bob"), Withheld.NO_PERSONA),
    ],
)
def test_panic_and_an_unknown_persona_withhold(settings: Settings, reason: Withheld) -> None:
    outcome, shown = Parts().process(settings)
    assert outcome is reason
    untouched = cv2.cvtColor(np.zeros(SIZE.picture_shape, dtype=np.uint8), cv2.COLOR_YUV2BGR_I420)
    assert np.array_equal(shown, untouched), "nothing was written"


def test_without_a_face_nothing_is_published_and_the_watch_is_not_left_waiting() -> None:
    parts = Parts()
    parts.faces = ()
    assert parts.process()[0] is Withheld.NO_FACE
    assert parts.begun == len(parts.known) == 1


def test_other_people_are_blurred_by_default() -> None:
    parts = Parts()
    parts.others = (Box(200, 60, 280, 160),)
    outcome, shown = parts.process()
    assert outcome is How.SWAPPED
    assert cv2.Laplacian(shown[70:150, 210:270], cv2.CV_64F).var() < 20, "noise must be gone"
    assert cv2.Laplacian(shown[200:238, 210:270], cv2.CV_64F).var() > 200, "and only there"


def test_other_people_are_left_only_when_asked_for() -> None:
    parts = Parts()
    parts.others = (Box(200, 60, 280, 160),)
    outcome, shown = parts.process(Settings(persona="ann", others=Others.LEAVE))
    assert outcome is How.SWAPPED
    assert cv2.Laplacian(shown[70:150, 210:270], cv2.CV_64F).var() > 200


def test_other_people_can_withhold_the_picture() -> None:
    parts = Parts()
    parts.others = (Box(200, 60, 280, 160),)
    assert parts.process(Settings(persona="ann", others=Others.WITHHOLD))[0] is Withheld.OTHER_PERSON


def test_a_second_tracked_face_is_somebody_else() -> None:
    parts = Parts()
    parts.faces = (face_at(100, 120), face_at(240, 110, track_id=2))
    outcome, shown = parts.process()
    assert outcome is How.SWAPPED
    assert cv2.Laplacian(shown[85:135, 215:265], cv2.CV_64F).var() < 20


@pytest.mark.parametrize("error", [ContractError("NaN"), EngineError("GPU"), RuntimeError("?")])
def test_a_failing_swap_is_an_error_and_never_a_picture(error: Exception) -> None:
    parts = Parts()

    def fail() -> None:
        raise error

    parts.on_swap = fail
    with pytest.raises(type(error)):
        parts.process()


def test_a_face_that_nobody_else_sees_is_withheld_and_looked_for_anew() -> None:
    parts = Parts()
    parts.confirmed = False
    assert parts.process()[0] is Withheld.WEAK_FACE
    assert parts.resets == 1


def test_a_failing_watch_is_an_error_and_never_a_picture() -> None:
    parts = Parts()

    def fail() -> None:
        raise EngineError("watch")

    parts.on_watch = fail
    with pytest.raises(EngineError):
        parts.process()


def test_passthrough_passes_and_says_so() -> None:
    parts = Parts()
    outcome, shown = parts.process(Settings(mode=Mode.PASSTHROUGH))
    assert outcome is How.PASSED
    assert shown.std() > 10
    assert parts.begun == 0


def test_reset_reaches_every_part() -> None:
    parts = Parts()
    Pipeline(CpuCanvas(), parts, parts, parts, {}.get).reset()  # type: ignore[arg-type]
    assert parts.resets == 3


def test_a_tier_reaches_those_that_can_be_cheaper_and_no_other() -> None:
    told: list[Tier] = []

    class Cheaper:
        def adapt(self, tier: Tier) -> None:
            told.append(tier)

    parts, tier = Parts(), Tier("mask off", mask=False)
    Pipeline(CpuCanvas(), parts, parts, parts, {}.get, [Cheaper()]).adapt(tier)  # type: ignore[arg-type]
    parts.pipeline.adapt(tier)
    assert told == [tier]


class Knows:
    """An identifier that knows everybody by track id."""

    told = "by heart"

    def __init__(self, known: dict[int, Known]) -> None:
        self._known = known

    def __call__(self, image: Image, faces: Sequence[Face], captured_ns: int) -> dict[int, Known]:
        return {face.track_id: self._known[face.track_id] for face in faces}

    def reset(self) -> None:
        pass


BOB = Persona("bob", {}, Consent(Basis.SYNTHETIC, "", "", ()), "")


class Crowd(Parts):
    """Two followed faces; who is who is given, and what each was given to wear is noted."""

    def __init__(self, left: Known, right: Known) -> None:
        super().__init__()
        self.faces = (face_at(100, 120), face_at(240, 110, track_id=2))
        self.worn: list[tuple[int, str]] = []
        personas = {"ann": PERSONA, "bob": BOB}.get
        knows, people = Knows({1: left, 2: right}), {"me": "", "you": "bob"}
        swap: Swapper[Image] = self.swap  # type: ignore[assignment]
        self.pipeline = Pipeline(CpuCanvas(), Following(self), self, swap, personas, identifier=knows, people=people)

    def swap(self, canvas: Canvas[Image], face: Face, persona: Persona, settings: Settings) -> None:
        super().swap(canvas, face, persona, settings)
        self.worn.append((face.track_id, persona.name))


ME, YOU = Known(Standing.WEARER, "me"), Known(Standing.WEARER, "you")
STRANGER, PERHAPS = Known(Standing.OTHER), Known(Standing.UNSURE)


def noise(picture: Image, left: int) -> float:
    return float(cv2.Laplacian(picture[85:135, left : left + 50], cv2.CV_64F).var())


def test_every_enrolled_person_wears_their_own_persona_in_one_frame() -> None:
    crowd = Crowd(ME, YOU)
    assert crowd.process()[0] is How.SWAPPED
    assert crowd.worn == [(1, "ann"), (2, "bob")]
    assert crowd.known == [(crowd.faces[0].box, crowd.faces[1].box)]


def test_the_wearer_is_told_by_who_it_is_not_by_place() -> None:
    crowd = Crowd(STRANGER, ME)
    outcome, shown = crowd.process(Settings(persona="ann", others=Others.LEAVE))
    assert outcome is How.SWAPPED
    assert crowd.worn == [(2, "ann")]
    assert noise(shown, 75) > 200, "who is certainly somebody else is left, as asked for"


def test_whoever_may_be_the_wearer_is_covered_even_where_others_are_left() -> None:
    crowd = Crowd(PERHAPS, ME)
    outcome, shown = crowd.process(Settings(persona="ann", others=Others.LEAVE))
    assert outcome is How.SWAPPED
    assert noise(shown, 75) < 20


def test_who_is_left_is_left_where_the_watch_sees_them_too() -> None:
    crowd = Crowd(STRANGER, ME)
    crowd.others = (Box(62, 84, 138, 158),)
    assert noise(crowd.process(Settings(persona="ann", others=Others.LEAVE))[1], 75) > 200


def test_a_face_that_nobody_follows_may_be_the_wearer_too() -> None:
    crowd = Crowd(STRANGER, ME)
    crowd.others = (Box(170, 150, 240, 220),)
    shown = crowd.process(Settings(persona="ann", others=Others.LEAVE))[1]
    assert cv2.Laplacian(shown[175:210, 180:215], cv2.CV_64F).var() < 20


def test_whom_the_persona_may_have_been_painted_on_is_covered_even_where_others_are_left() -> None:
    crowd = Crowd(ME, STRANGER)
    crowd.faces = (face_at(100, 120), face_at(165, 120, track_id=2))
    shown = crowd.process(Settings(persona="ann", others=Others.LEAVE))[1]
    assert cv2.Laplacian(shown[85:135, 150:200], cv2.CV_64F).var() < 20


@pytest.mark.parametrize("left", [STRANGER, PERHAPS])
@pytest.mark.parametrize("others", list(Others))
def test_without_a_wearer_nothing_is_published(left: Known, others: Others) -> None:
    crowd = Crowd(left, STRANGER)
    assert crowd.process(Settings(persona="ann", others=others))[0] is Withheld.NO_WEARER
    assert not crowd.worn


def test_a_person_whose_persona_is_not_known_withholds_the_frame() -> None:
    crowd = Crowd(ME, YOU)
    knows = Knows({1: ME, 2: YOU})
    swap: Swapper[Image] = crowd.swap  # type: ignore[assignment]
    crowd.pipeline = Pipeline(
        CpuCanvas(), Following(crowd), crowd, swap, {"ann": PERSONA}.get, identifier=knows, people={"you": "bob"}
    )
    assert crowd.process()[0] is Withheld.NO_PERSONA


def test_a_face_that_cannot_be_covered_is_withheld_without_a_failure_and_nothing_is_forgotten() -> None:
    parts = Parts()

    def turned() -> None:
        raise FaceUncovered("turned away")

    parts.on_swap = turned
    assert parts.process()[0] is Withheld.UNCOVERED
    assert parts.resets == 0
    assert parts.begun == len(parts.known) == 1, "the watch is not left waiting"
