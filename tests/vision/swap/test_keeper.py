"""The keeper: looks beside the frames, seldom, on copies; and what becomes of the chain's blend."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from livecam.core.frame import NS_PER_S, Image
from livecam.core.ladder import Sharpening, Tier
from livecam.core.seams import Tensor, TensorSpec
from livecam.core.settings import Settings
from livecam.errors import EngineError
from livecam.vision.contract import RecogniserContract
from livecam.vision.enhance import Enhancer
from livecam.vision.identity_gate import Key
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.keeper import EVERY_S, SHARE, LikenessKeeper, Look
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.template import Template, points_of
from tests.patience import UNHURRIED_S, wait_longer
from tests.vision.swap import planted
from tests.vision.swap.conftest import KEY, canvas_of, face_of, five_at, persona_of, source_of

Stages = Callable[..., CropSwapper]
Enhancers = Callable[..., Enhancer]
ANN = Key("ann", Sharpening.FULL)
FIVE = points_of(Template.FFHQ_512, 128)
WHO = np.eye(1, 512, dtype=np.float32)[0]
PLAIN, SHARP = np.full((128, 128, 3), 60, np.uint8), np.full((128, 128, 3), 200, np.uint8)


def contract() -> RecogniserContract:
    found = planted.model("arcface_w600k_r50").contract
    assert isinstance(found, RecogniserContract)
    return found


class Bright:
    """A recogniser to which brighter pictures are less alike to `WHO`."""

    def __init__(self) -> None:
        self.asked = self.runs = 0
        self.closed = False
        self.fails = False
        self.held = threading.Event()
        self.held.set()
        self.threads: set[str] = set()

    inputs: Mapping[str, TensorSpec] = {"picture": TensorSpec((1, 3, 112, 112), "float32")}
    outputs: Mapping[str, TensorSpec] = {"embedding": TensorSpec((1, 512), "float32")}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.asked += 1
        self.held.wait(2 * UNHURRIED_S)
        self.threads.add(threading.current_thread().name)
        if self.fails:
            raise EngineError("It failed.")
        self.runs += 1
        angle = float(np.asarray(feeds["picture"], np.float32).mean()) + 1
        embedding = np.zeros((1, 512), np.float32)
        embedding[0, :2] = np.cos(angle), np.sin(angle)
        return {"embedding": embedding}

    def close(self) -> None:
        self.closed = True


class Times:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.ns = NS_PER_S

    def __call__(self) -> int:
        return self.ns


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + UNHURRIED_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.002)


def look(plain: Image = PLAIN, sharp: Image = SHARP, shown: float = 0.7) -> Look:
    return Look(ANN, shown, plain, sharp, FIVE, WHO)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, ["livecam.vision.swap.keeper._PATIENCE_S"])


@pytest.fixture
def engine() -> Bright:
    return Bright()


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def keeper(engine: Bright, times: Times) -> Iterator[LikenessKeeper]:
    made = LikenessKeeper(lambda: engine, contract(), times)
    yield made
    engine.held.set()
    made.close()
    assert not made._thread or engine.closed


def test_a_fall_is_seen_beside_and_lowers_what_is_allowed(keeper: LikenessKeeper, engine: Bright) -> None:
    assert keeper.allowed(ANN, 0.7) == 0.7
    assert keeper.due()
    keeper.look(look())
    until(lambda: keeper.allowed(ANN, 0.7) < 0.7)
    assert engine.runs == 2
    assert engine.threads == {"livecam-likeness"}


def test_no_fall_lowers_nothing(keeper: LikenessKeeper, engine: Bright) -> None:
    keeper.look(look(PLAIN, PLAIN))
    until(lambda: engine.runs == 2)
    assert keeper.allowed(ANN, 0.7) == 0.7


def test_nobody_waits_for_it_and_while_it_looks_it_is_given_nothing(keeper: LikenessKeeper, engine: Bright) -> None:
    engine.held.clear()
    before = time.monotonic()
    keeper.look(look())
    assert not keeper.due()
    assert keeper.allowed(ANN, 0.7) == 0.7
    assert time.monotonic() - before < UNHURRIED_S, "the network is held for twice as long"
    engine.held.set()


def test_it_looks_once_a_second_at_most(keeper: LikenessKeeper, engine: Bright, times: Times) -> None:
    keeper.look(look())
    until(lambda: keeper._look is None)
    assert not keeper.due()
    times.ns += round(EVERY_S * NS_PER_S) - 1
    assert not keeper.due()
    times.ns += 1
    assert keeper.due()


def test_a_slow_recogniser_is_asked_less_often(keeper: LikenessKeeper, engine: Bright, times: Times) -> None:
    engine.held.clear()
    keeper.look(look())
    until(lambda: engine.asked == 1)
    times.ns += NS_PER_S // 10
    engine.held.set()
    until(lambda: keeper._look is None)
    times.ns = NS_PER_S + round(0.09 / SHARE * NS_PER_S)
    assert not keeper.due()
    times.ns = NS_PER_S + round(0.11 / SHARE * NS_PER_S)
    assert keeper.due()


@pytest.mark.parametrize("broken", ["load", "run"])
def test_a_network_that_fails_ends_the_looks_and_nothing_else(
    broken: str, caplog: pytest.LogCaptureFixture, times: Times
) -> None:
    engine = Bright()
    engine.fails = True

    def load() -> Bright:
        if broken == "load":
            raise EngineError("It cannot be loaded.")
        return engine

    keeper = LikenessKeeper(load, contract(), times)
    keeper.look(look())
    until(lambda: "not limited any more" in caplog.text)
    times.ns += 100 * NS_PER_S
    assert not keeper.due()
    assert keeper.allowed(ANN, 0.7) == 0.7
    keeper.close()
    keeper.close()
    assert engine.closed is (broken == "run")


def test_a_keeper_that_never_looked_loads_nothing() -> None:
    keeper = LikenessKeeper(lambda: pytest.fail("loaded"), contract())
    assert keeper.due()
    keeper.close()
    assert not keeper.due()


class Told:
    """A keeper that does as it is told."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.looks: list[Look] = []
        self.ready = True

    def allowed(self, key: Key, asked: float) -> float:
        return min(asked, self.limit)

    def due(self) -> bool:
        return self.ready

    def look(self, look: Look) -> None:
        self.looks.append(look)


REDDER = persona_of(source_of(1))


def worn(swapper: StageSwapper, frame: Image, blend: float = 0.7) -> Image:
    image = frame.copy()
    swapper(canvas_of(image), face_of(five_at(320, 180, 200)), REDDER, Settings(blend=blend))
    return image


def test_what_the_chain_shows_is_limited_as_if_less_had_been_asked(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    limited = StageSwapper(KEY, crop_swapper(), enhancer=enhancer(bias=0.5), colour=0.0, keeper=Told(0.3))
    free = StageSwapper(KEY, crop_swapper(), enhancer=enhancer(bias=0.5), colour=0.0)
    np.testing.assert_array_equal(worn(limited, frame, 0.7), worn(free, frame, 0.3))
    np.testing.assert_array_equal(worn(limited, frame, 0.2), worn(free, frame, 0.2))


def test_the_keeper_is_given_copies_of_the_face_without_and_with(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    keeper = Told(1.0)
    swapper = StageSwapper(KEY, crop_swapper(), enhancer=enhancer(bias=0.5), colour=0.0, keeper=keeper)
    worn(swapper, frame, 0.7)
    (seen,) = keeper.looks
    assert seen.key == Key("d", Sharpening.FULL)
    assert seen.shown == 0.7
    np.testing.assert_array_equal(seen.persona, source_of(1)[0])
    plain, sharp = seen.plain.copy(), seen.sharp.copy()
    apart = sharp.astype(int) - plain
    middle = seen.five.mean(axis=0).astype(int)
    assert apart[middle[1], middle[0]].min() > 30
    assert not apart[:4].any(), "where nothing is shown there is nothing to compare"
    assert seen.five.min() > 0
    assert seen.five.max() < len(plain)
    worn(swapper, np.ascontiguousarray(frame[::-1]), 0.7)
    np.testing.assert_array_equal(seen.plain, plain)
    np.testing.assert_array_equal(seen.sharp, sharp)


def test_it_looks_only_when_due_when_the_enhancer_ran_and_when_the_persona_is_known(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    keeper = Told(1.0)
    swapper = StageSwapper(KEY, crop_swapper(), enhancer=enhancer(), colour=0.0, keeper=keeper)
    keeper.ready = False
    worn(swapper, frame)
    assert not keeper.looks
    keeper.ready = True
    worn(swapper, frame, blend=0.0)
    assert not keeper.looks, "nothing is sharpened"
    swapper.adapt(Tier("nth", sharpen_every=3))
    for _ in range(6):
        worn(swapper, frame)
    assert len(keeper.looks) == 2


def test_a_persona_whose_vector_is_not_known_is_not_judged(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    keeper = Told(1.0)
    swapper = StageSwapper(KEY, crop_swapper(), enhancer=enhancer(), colour=0.0, keeper=keeper)
    unknown = persona_of(source_of(1))
    identity = unknown.identity[KEY]
    object.__setattr__(identity, "embedding", np.zeros(0, np.float32))
    swapper(canvas_of(frame.copy()), face_of(five_at(320, 180, 200)), unknown, Settings())
    assert not keeper.looks


def test_the_smaller_enhancer_has_a_limit_of_its_own(crop_swapper: Stages, enhancer: Enhancers, frame: Image) -> None:
    keeper = Told(1.0)
    small = enhancer("gpen_bfr_256", side=256)
    swapper = StageSwapper(KEY, crop_swapper(), enhancer=enhancer(), colour=0.0, small_enhancer=small, keeper=keeper)
    worn(swapper, frame)
    swapper.adapt(Tier("small", Sharpening.SMALL))
    worn(swapper, frame)
    assert [seen.key.enhancer for seen in keeper.looks] == ["full", "small"]
