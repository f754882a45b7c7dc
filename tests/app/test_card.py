"""The neural swap with its frames on a card over the host's memory: the same picture, and none that a fault touched."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from livecam.app import card
from livecam.app.assemble import networks_of, persona_library
from livecam.app.card import CardBackend, TensorRtLoader, card_backend
from livecam.app.compiled import Wanted, Workshop
from livecam.app.exchange import ExchangingProcessor, Served
from livecam.app.neural import NeuralNetworks
from livecam.app.recovery import RecoveringProcessor, RecoveryRules
from livecam.canvas.marking import CardMark
from livecam.cli.root import root
from livecam.config import Config, Paths, load
from livecam.core.backoff import Band
from livecam.core.cleared import How
from livecam.core.device import Device, DeviceEngine
from livecam.core.frame import NS_PER_S, Frame, Image, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.persona import Persona
from livecam.core.seams import Engine, Processor
from livecam.errors import DeviceError, EngineError, ExtraMissing
from livecam.inference import tensorrt
from livecam.inference.backends import Backend
from livecam.inference.bind import Roles
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.plan_file import Sealed, sealed
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import PlanCache
from livecam.inference.store import installed
from livecam.inference.toolkits import toolkit
from livecam.privacy.laid import Laid
from livecam.privacy.watermark import Watermark, patterns_of
from livecam.vision.identity_gate import Key
from tests.app.test_compiled import workshop
from tests.app.test_neural import SIZE, frames, unchanged
from tests.canvas.host_device import HostDevice, HostEngine, host_kernels, host_library
from tests.canvas.host_kernels import HostKernels
from tests.inference.cards import PretendNetwork, pretend_kit
from tests.inference.planning import KEY

FRAME_NS = NS_PER_S // 30
FOUND = np.array([[1.378, 0, -126.0], [0, 1.378, 3.2]])
"""Moves the synthetic face to where the planted detector finds every face."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, mesh_models: Mapping[str, Path]) -> Path:
    """Planted stand-ins of the preset with the most kinds of networks that are quick on the processor."""
    folder = tmp_path_factory.mktemp("stand-ins")
    result = CliRunner().invoke(root, ["bench", "stand-ins", str(folder), "--preset", "balanced"])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> HostKernels:
    return host_kernels(tmp_path_factory)


def portraits(count: int) -> list[Image]:
    """Frames whose face is where it is found."""
    moved = [cv2.warpAffine(image, FOUND, SIZE, borderMode=cv2.BORDER_REPLICATE) for image in frames(count)]
    return [image.astype(np.uint8, copy=False) for image in moved]


@dataclass
class HostLoader:
    """A `PlanLoader` of networks that ONNX Runtime runs on the processor, at addresses of the card.

    Attributes:
        networks: Their folder.
        stays: Whether inputs and outputs can stay on the card.
        made: What was loaded to stay there.
    """

    networks: Path
    stays: bool = True
    made: list[HostEngine] = field(default_factory=list)

    def engine(self, model: Model, batch: int, device: Device) -> Engine:
        return load_model_engine(model, installed(model, self.networks), threads=1, batch=batch)

    def device_engine(self, model: Model, batch: int, device: Device) -> DeviceEngine:
        if not self.stays:
            raise EngineError("The network's weight is of int64, which the kernels on the graphics card do not know.")
        assert isinstance(device, HostDevice)
        self.made.append(HostEngine(device, self.engine(model, batch, device)))
        return self.made[-1]


class Rig:
    """A card's pipeline, and the processor's, over the same networks.

    Args:
        shelf: Stand-ins.
        folder: For everything else.
        kernels: On the host.
        flags: Settings.
    """

    def __init__(self, shelf: Path, folder: Path, kernels: HostKernels, **flags: str) -> None:
        self.config = _config(shelf, flags)
        paths = Paths.find({"LIVECAM_DATA": str(folder / "data"), "LIVECAM_CACHE": str(folder / "cache")})
        embedded = networks_of(self.config, paths)
        self._image, self._out = np.zeros(SIZE.image_shape, np.uint8), np.zeros(SIZE.picture_shape, np.uint8)
        self.now_ns = 0
        self.neural = NeuralNetworks(self.config, paths, embedded, lambda: self.now_ns)
        self.neural.ensure()
        self.persona: Persona = persona_library(self.config, paths, embedded).load("nobody")
        self.devices: list[HostDevice] = []
        self.mark: CardMark | None = None
        self.loader = HostLoader(shelf / "models")
        self.backend = CardBackend(
            Backend.RTX,
            self.neural,
            workshop(folder),
            self.loader,
            lambda: self._device(kernels),
            host_library,  # type: ignore[arg-type]
            lambda: self.mark,
        )

    def _device(self, kernels: HostKernels) -> HostDevice:
        self.devices.append(HostDevice(kernels))
        return self.devices[-1]

    def serve(self) -> Served:
        return self.backend.serve(lambda _: self.persona)

    def on_the_processor(self) -> Served:
        held = ExitStack()
        return Served(self.neural.pipeline(lambda _: self.persona, None, held), "cpu", "cpu", close=held.close)

    def laid(self) -> bool:
        """Whether the picture shown last was noted as marked."""
        return self.mark is not None and self.mark.laid.forget(self._out)

    def show(self, processor: Processor, number: int, image: Image) -> Picture | None:
        """The picture of a frame; None where it is withheld."""
        self.now_ns = (number + 1) * FRAME_NS
        self._out.fill(0)
        np.copyto(self._image, image)
        outcome = processor.process(Frame(self._image, number, self.now_ns), self._out, self.config.settings)
        return self._out.copy() if outcome is How.SWAPPED else None


def _config(shelf: Path, flags: Mapping[str, str]) -> Config:
    values = {"models.recipes": str(shelf / "recipes"), "models.cache": str(shelf / "models")}
    values |= {"neural.preset": "balanced"} | {name.replace("__", "."): value for name, value in flags.items()}
    return load(values, Path(os.devnull), {}).config


Rigged = Callable[..., Rig]


@pytest.fixture
def rig(shelf: Path, kernels: HostKernels, tmp_path: Path) -> Rigged:
    return lambda **flags: Rig(shelf, tmp_path, kernels, **flags)


@pytest.mark.parametrize("flags", [{"neural__keep_mouth": "true"}, {"neural__detector": "none"}], ids=str)
def test_where_the_mesh_follows_the_card_shows_what_the_processor_shows(flags: dict[str, str], rig: Rigged) -> None:
    both = rig(**flags)
    images = portraits(4)
    pictures = []
    for served in (both.on_the_processor(), both.serve()):
        served.enter()
        pictures.append([both.show(served.processor, number, image) for number, image in enumerate(images)])
        served.close()
    for theirs, ours in zip(*pictures, strict=True):
        assert ours is not None
        assert theirs is not None
        apart = np.abs(ours.astype(int) - theirs)
        assert apart.max() <= 16
        assert apart.mean() < 0.3
    last = pictures[1][-1]
    assert last is not None
    change = np.abs(cv2.cvtColor(last, cv2.COLOR_YUV2BGR_I420).astype(int) - unchanged(images[-1]))
    assert change[250:400, 260:380].mean() > 8, "and it is a swap"


def test_where_the_detector_follows_nothing_of_the_processors_networks_runs(
    rig: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = rig()

    def refuse(*_: object) -> None:
        raise AssertionError("the embedded networks have nothing to do")

    for name in ("follower", "watch"):
        monkeypatch.setattr(both.neural.embedded, name, refuse)
    served = both.serve()
    for number, image in enumerate(portraits(3)):
        shown = both.show(served.processor, number, image)
        assert shown is not None
        change = np.abs(cv2.cvtColor(shown, cv2.COLOR_YUV2BGR_I420).astype(int) - unchanged(image)).max(axis=2)
        assert change[250:400, 260:380].mean() > 8
        assert change[:, :100].max() <= 3, "and nothing is changed where nobody is"
    assert both.loader.made[-1].runs == 3, "the detector looks once at each frame"
    served.close()


def test_the_card_lays_the_mark_of_the_run_on_what_it_swaps(rig: Rigged) -> None:
    """The same picture as that which the processor marks after it came down, but for roundings; and it is laid once."""
    both, bare = rig(), rig()
    key, size = b"ours", Size(SIZE.width, SIZE.height)
    both.mark = CardMark(patterns_of(key, 7), Laid())
    (image,) = portraits(1)
    served, plain = both.serve(), bare.serve()
    ours, theirs = both.show(served.processor, 0, image), bare.show(plain.processor, 0, image)
    assert ours is not None
    assert theirs is not None
    assert both.laid()
    assert not np.array_equal(ours, theirs)
    Watermark(key, 7, size)(theirs, both.now_ns)
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    for each in (served, plain):
        each.close()


def test_what_keeps_the_enhancer_to_the_persona_ends_with_whoever_serves(
    rig: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, closed, asked = rig(), [], []

    class Told:
        def allowed(self, key: Key, asked_for: float) -> float:
            asked.append(key)
            return asked_for

        def due(self) -> bool:
            return False

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(both.neural, "keeper", Told)
    served = both.serve()
    both.show(served.processor, 0, portraits(1)[0])
    assert bool(asked) is bool(both.neural.chain.preset.enhancer)
    assert not closed
    served.close()
    assert closed == [True]


def test_everything_is_freed_when_it_is_closed(rig: Rigged) -> None:
    both = rig()
    served = both.serve()
    both.show(served.processor, 0, portraits(1)[0])
    (device,) = both.devices
    assert device.held()
    served.close()
    assert device.held() == {}


def test_a_network_that_cannot_stay_on_the_card_goes_through_memory_and_the_log_tells(
    rig: Rigged, caplog: pytest.LogCaptureFixture
) -> None:
    both = rig()
    both.loader.stays = False
    served = both.serve()
    assert "Frames do not stay on the graphics card, but go through the computer's memory" in caplog.text
    assert both.show(served.processor, 0, portraits(1)[0]) is not None
    served.close()
    assert [device.held() for device in both.devices] == [{}, {}]


def test_the_tiers_reach_the_card(rig: Rigged) -> None:
    both = rig()
    served = both.serve()
    image = portraits(1)[0]
    enhancer = both.loader.made[1]
    for number in range(4):
        assert both.show(served.processor, number, image) is not None
    before = enhancer.runs
    served.processor.adapt(Tier("halved", sharpen_every=2))
    for number in range(4, 8):
        assert both.show(served.processor, number, image) is not None
    assert (before, enhancer.runs - before) == (4, 2)
    served.close()


def test_whichever_call_the_card_refuses_no_picture_of_it_is_wrong(rig: Rigged) -> None:
    """Every call of a frame in turn: it is an error, or the picture is the one without the fault."""
    both = rig()
    served = both.serve()
    (device,) = both.devices
    image = portraits(1)[0]
    for _ in range(3):
        both.show(served.processor, 0, image)
    before = device.calls.total()
    wanted = both.show(served.processor, 0, image)
    assert wanted is not None
    calls = device.calls.total() - before
    errors = 0
    for call in range(calls):
        device.fail(call, forever=False)
        try:
            found = both.show(served.processor, 0, image)
        except DeviceError:
            errors += 1
        else:
            assert found is None or np.abs(found.astype(int) - wanted).mean() < 1
        device.mend()
    assert errors == calls > 8
    served.close()


def test_a_card_that_is_lost_is_made_anew_and_then_left(rig: Rigged) -> None:
    """Lost for good in the middle of a frame, twice: the processor serves at the end, and nothing bare went out."""
    both = rig()

    def make(backend: str) -> Served:
        return both.serve() if backend == "rtx" else both.on_the_processor()

    exchange = ExchangingProcessor(make("rtx"))
    processor = RecoveringProcessor(
        exchange,
        lambda lost: "cpu" if "rtx" in lost else "rtx",
        make,
        RecoveryRules(bands=(Band(0.01, 1),)),
    )
    image = portraits(1)[0]
    wanted = both.show(processor, 0, image)
    assert wanted is not None
    for number in (1, 2):
        both.devices[-1].fail(20)
        began = time.monotonic()
        with pytest.raises(DeviceError):
            both.show(processor, number, image)
        found = both.show(processor, number, image)
        while found is None:
            assert time.monotonic() - began < 60
            time.sleep(0.01)
            found = both.show(processor, number, image)
        assert np.abs(found.astype(int) - wanted).mean() < 1
    assert exchange.serving is not None
    assert exchange.serving.backend == "cpu"


ABOUT = {"type:target": "float32", "type:weight": "float64", "type:image": "float32"}
MODEL = load_model("inswapper_128", catalogue_folders(None))


class Shop:
    """A workshop with one plan, that says what it is told to of every network.

    Args:
        folder: Of its cache.
        error: What it says; nothing where all is well.
    """

    def __init__(self, folder: Path, error: EngineError | None = None) -> None:
        self.plans, self._error = PlanCache(folder), error
        self.checked: list[tuple[str, int]] = []

    def plan(self, wanted: Wanted) -> Sealed:
        return Sealed(sealed(KEY, b"plan", ABOUT, 0)[0], b"plan")

    def check(self, wanted: Wanted, engine: Engine) -> None:
        feeds = {"target": np.ones((1, 3, 4, 4), np.float32), "weight": np.array([2.0])}
        assert engine.run(feeds)["image"].max() == 2
        self.checked.append((wanted.model.name, wanted.batch))
        if self._error is not None:
            raise self._error


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Workshop]:
    """The pretended network fits no recipe; what it is for is said here."""

    def found(_model: Model, engine: Engine) -> Roles:
        return Roles({"face": "target", "strength": "weight"}, {"result": "image"}, engine.outputs)

    for module in (tensorrt, card):
        monkeypatch.setattr(module, "bind", lambda _model, engine: engine)
    monkeypatch.setattr(card, "roles", found)
    return lambda error=None: Shop(tmp_path, error)  # type: ignore[return-value]


def test_a_plan_is_held_against_the_network_before_anybody_gets_it(shop: Callable[..., Workshop]) -> None:
    device, workshop = HostDevice(), shop()
    load = TensorRtLoader(pretend_kit(PretendNetwork(device)), workshop)
    on_card, through_memory = load.device_engine(MODEL, 1, device), load.engine(MODEL, 4, device)
    assert on_card.inputs.keys() == {"face", "strength"}
    assert through_memory.inputs.keys() == {"target", "weight"}
    assert workshop.checked == [("inswapper_128", 1), ("inswapper_128", 4)]  # type: ignore[attr-defined]
    on_card.close()
    through_memory.close()
    assert device.held() == {}


def test_a_plan_that_gives_something_else_is_never_handed_out(shop: Callable[..., Workshop]) -> None:
    device = HostDevice()
    load = TensorRtLoader(pretend_kit(PretendNetwork(device)), shop(EngineError("The compiled gives another image.")))
    for make in (load.engine, load.device_engine):
        with pytest.raises(EngineError, match="gives another image"):
            make(MODEL, 1, device)
    assert device.held() == {}


def test_without_its_packages_a_compiled_backend_is_a_sentence(rig: Rigged, tmp_path: Path) -> None:
    try:
        toolkit(Flavour.RTX)
    except ExtraMissing:
        with pytest.raises(ExtraMissing, match=r"livecam\[rtx\]"):
            card_backend(Backend.RTX, rig().neural, PlanCache(tmp_path))
    else:
        made = card_backend(Backend.RTX, rig().neural, PlanCache(tmp_path))
        assert {each.model.name for each in made.missing()} == set(rig().neural.chain.preset.networks)
