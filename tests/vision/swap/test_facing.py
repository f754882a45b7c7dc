"""The chain swaps with the vector that fits the head, also on the way to the next one; without others, as before."""

import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from livecam.core.face import Face
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Engine
from livecam.core.settings import Settings
from livecam.errors import PersonaError
from livecam.vision.angles import BASE, HeadAngles, angled_sources, bin_of
from livecam.vision.contract import IdentityKind, SwapperContract
from livecam.vision.heading import CANONICAL_FIVE
from livecam.vision.swap.angled import AngledPreparer
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.identity import NeuralIdentity, load_identity
from livecam.vision.swap.preparer import Former, NeuralPreparer
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.tensor import Floats
from tests.vision.swap import planted
from tests.vision.swap.conftest import KEY, Spoilt, canvas_of, face_of, persona_of, source_of
from tests.vision.test_heading import turned

MS = 1_000_000


def rows_of() -> Floats:
    """(22, 512): a tint of its own for each row; see `planted.SMALL`."""
    rows = np.zeros((22, 512), np.float32)
    rows[:, :3] = np.random.default_rng(2).normal((1, 0.5, 0.2), 0.3, (22, 3))
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def angled() -> NeuralIdentity:
    sources = angled_sources(rows_of())
    return NeuralIdentity(IdentityKind.EMAP, sources.sources[BASE], rows_of()[BASE], sources)


def persona(identity: NeuralIdentity, digest: str = "d") -> Persona:
    return Persona("ann", {KEY: identity}, Consent(Basis.SELF, "Ann", "", ()), digest)


def looking(yaw: float, track_id: int = 1) -> Face:
    five = turned(CANONICAL_FIVE, yaw, 0)[:, :2]
    return face_of((five - five.mean(axis=0) + (320, 180)).astype(np.float32), track_id)


class Watched:
    """A chain whose network's ``source`` is looked at."""

    def __init__(self, engine: Engine) -> None:
        contract = planted.model(KEY).contract
        assert isinstance(contract, SwapperContract)
        self.now_ns = 0
        self.engine = Spoilt(engine, lambda _role, tensor: tensor)
        self.swapper = StageSwapper(KEY, CropSwapper(self.engine, contract), now_ns=lambda: self.now_ns)

    def __call__(self, frame: np.ndarray, face: Face, worn: Persona, passed_ns: int = 33 * MS) -> Floats:
        self.now_ns += passed_ns
        self.swapper(canvas_of(frame.copy()), face, worn, Settings())
        return np.asarray(self.engine.fed[-1]["source"], np.float32)


@pytest.fixture
def watched(swap_engine: Callable[..., Engine]) -> Watched:
    return Watched(swap_engine(gain=-0.8, bias=0.9))


def row(yaw: float) -> Floats:
    number = 1 + bin_of(HeadAngles(yaw, 0))
    return np.asarray(rows_of()[number : number + 1], np.float32)


def test_the_vector_follows_the_head(watched: Watched, frame: np.ndarray) -> None:
    ann = persona(angled())
    assert np.array_equal(watched(frame, looking(0), ann), row(0))
    seen = [watched(frame, looking(40), ann) for _ in range(30)]
    assert np.array_equal(seen[-1], row(40))
    assert not np.array_equal(seen[3], row(0))
    assert not np.array_equal(seen[3], row(40))
    steps = [float(one.ravel() @ other.ravel()) for one, other in pairwise(seen)]
    assert min(steps) > np.cos(np.radians(5))


def test_another_face_and_another_persona_begin_anew(watched: Watched, frame: np.ndarray) -> None:
    ann, bob = persona(angled()), persona(angled(), "e")
    watched(frame, looking(0), ann)
    assert np.array_equal(watched(frame, looking(40, 2), ann), row(40))
    assert np.array_equal(watched(frame, looking(40), bob), row(40))
    # While one melts into the other both are worn in each frame, and neither begins anew.
    watched(frame, looking(0), ann, 0)
    assert not np.array_equal(watched(frame, looking(0), bob), row(0))
    watched.swapper.reset()
    assert np.array_equal(watched(frame, looking(0), bob), row(0))


def test_without_other_vectors_it_is_the_source_itself(watched: Watched, frame: np.ndarray) -> None:
    plain = persona_of(source_of(0.2, 0.3))
    for yaw in (0, 30, 30, 30):
        assert np.array_equal(watched(frame, looking(yaw), plain), source_of(0.2, 0.3))


def test_vectors_are_brought_into_the_swappers_form_ahead() -> None:
    def nothing() -> object:
        raise AssertionError("no photo is looked at")

    inner = NeuralPreparer("v", nothing, nothing)  # type: ignore[arg-type]
    preparer = AngledPreparer(inner, "arcface_w600k_r50", "d", lambda: Former(emap=planted.EMAP))
    before = NeuralIdentity(IdentityKind.EMAP, source_of(1), source_of(1)[0])
    made = preparer.angled(before, rows_of())
    assert made.angled is not None
    wanted = np.asarray(rows_of() @ planted.EMAP)
    assert np.allclose(made.angled.rows, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)
    assert np.array_equal(made.source, made.angled.rows[:1])
    assert preparer.version == "v"
    file = io.BytesIO()
    made.save(file)
    kept = preparer.load(io.BytesIO(file.getvalue()))
    assert kept.angled is not None
    assert np.array_equal(kept.angled.rows, made.angled.rows)


def test_what_is_saved_without_angles_has_none() -> None:
    file = io.BytesIO()
    NeuralIdentity(IdentityKind.EMAP, source_of(1), source_of(1)[0]).save(file)
    with np.load(io.BytesIO(file.getvalue())) as parts:
        assert set(parts.files) == {"format", "kind", "source", "embedding"}
    assert load_identity(io.BytesIO(file.getvalue())).angled is None


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((22, 512), np.float32),
        np.ones((21, 512), np.float32),
        np.ones((22, 128), np.float32),
        np.ones((22, 512), np.float64),
        np.full((22, 512), np.nan, np.float32),
        np.float32(1),
    ],
    ids=["nothing", "too few", "too short", "64 bit", "no numbers", "one number"],
)
def test_angles_that_are_none_are_refused(rows: np.ndarray) -> None:
    file = io.BytesIO()
    parts = {"format": np.array(1), "kind": np.array("emap"), "source": source_of(1), "embedding": source_of(1)[0]}
    np.savez(file, allow_pickle=False, angled=rows, **parts)
    with pytest.raises(PersonaError, match="faces add"):
        load_identity(io.BytesIO(file.getvalue()))
