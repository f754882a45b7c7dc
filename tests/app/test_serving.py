"""Who serves the neural swap over a run: at once, then compiled, and after failures whoever is left."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from livecam.app.compiled import Wanted, Workshop
from livecam.app.exchange import Served
from livecam.app.loading import OnnxLoader
from livecam.app.neural import NeuralNetworks
from livecam.app.serving import Compiled, NeuralServing
from livecam.config import Provider
from livecam.core.cleared import How, Withheld
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import ConfigError, DeviceError, EngineError, ExtraMissing
from livecam.inference.backends import Backend
from livecam.inference.tuned import Tuned
from tests.app.serving import BARE, Painter, frame, picture
from tests.app.test_compiled import network, workshop
from tests.inference.computers import RTX_3060, PretendComputer

NUMBERS = {backend: 100 + index for index, backend in enumerate(Backend)}
NETWORKS = ("scrfd_2.5g", "inswapper_128")


class Neural:
    """What is asked of `NeuralNetworks`: pipelines that paint the number of the backend they are on.

    Args:
        asked: By the user.
        works: Backends of the computer.
        refused: Those of ONNX Runtime that start, but cannot load the networks.
    """

    def __init__(self, asked: Provider, works: Collection[Backend], refused: Collection[Backend]) -> None:
        self.facts = PretendComputer(works, RTX_3060)
        self.loader = OnnxLoader(asked, self.facts, Path("networks"), Tuned())
        self.refused = refused
        self.made: list[Painter] = []

    def told(self, backend: str) -> str:
        return f"on {backend}"

    def loads(self, here: OnnxLoader) -> OnnxLoader:
        return here

    def pipeline(self, personas: object, load: OnnxLoader, closing: ExitStack) -> Painter:
        backend = load.backend()
        if backend in self.refused:
            raise EngineError(f"{backend} has no memory left.")
        painter = Painter(NUMBERS[backend])
        closing.callback(painter.closed.set)
        self.made.append(painter)
        return painter


class Card:
    """Compiled networks of a run, which paint the number of their backend.

    Args:
        shop: Where they are compiled.
        networks: All that it takes.
        trouble: Called with each frame; raises as a card does.
    """

    def __init__(self, shop: Workshop, networks: list[Wanted], trouble: Callable[[int], None]) -> None:
        self.workshop, self._networks, self._trouble = shop, networks, trouble
        self.refusal: EngineError | None = None
        self.may_serve = threading.Event()
        self.may_serve.set()
        self.painters: list[Painter] = []

    def missing(self) -> list[Wanted]:
        return [each for each in self._networks if not self.workshop.is_ready(each)]

    def serve(self, personas: object) -> Served:
        assert self.may_serve.wait(60)
        if self.refusal is not None:
            raise self.refusal
        for each in self._networks:
            self.workshop.plan(each)
        self.painters.append(Painter(NUMBERS[Backend.RTX], self._trouble))
        return self.painters[-1].served("rtx")


class Run:
    """A run of the neural swap on a computer with a card.

    Args:
        folder: What is compiled there stays from run to run.
        asked: By the user.
        works: Backends of the computer.
        content: Of the networks' files; see `pretend_workshop`.
        trouble: As `Card`.
        refused: As `Neural`.
        compiles: As `NeuralServing`.
    """

    def __init__(
        self,
        folder: Path,
        asked: Provider = Provider.AUTO,
        works: Collection[Backend] = (Backend.RTX, Backend.CUDA, Backend.CPU),
        content: str = "good",
        trouble: Callable[[int], None] = lambda _: None,
        refused: Collection[Backend] = (),
        *,
        compiles: bool = True,
    ) -> None:
        models = folder / "models"
        fresh = not models.exists()
        made = [network(name, models, content) for name in NETWORKS] if fresh else []
        self.neural = Neural(asked, works, refused)
        self.card = Card(workshop(folder), [Wanted(model) for model in made], trouble)
        neural: NeuralNetworks = self.neural  # type: ignore[assignment]
        self.serving = NeuralServing(neural, lambda _: None, self._compiled, compiles=compiles)
        self.seq = 0
        self.notes: list[str] = []

    def _compiled(self, backend: Backend) -> Compiled:
        if backend is not Backend.RTX:
            raise ExtraMissing(f"{backend} is not installed.")
        return self.card

    def show(self, processor: Processor) -> Backend | str:
        """The backend that swapped the next frame, or what became of it."""
        self.seq += 1
        out = picture()
        if self.serving.note not in self.notes[-1:]:
            self.notes.append(self.serving.note)
        try:
            outcome = processor.process(frame(self.seq), out, Settings())
        except DeviceError:
            return "lost"
        if outcome is not How.SWAPPED:
            return str(outcome)
        assert out.min() == out.max() != BARE
        return next(backend for backend, number in NUMBERS.items() if number == out.flat[0])

    def told(self, processor: Processor, words: str, limit_s: float = 180.0) -> list[Backend | str]:
        """Frames until the note begins with `words`."""
        began, shown = time.monotonic(), list[Backend | str]()
        while not self.serving.note.startswith(words):
            assert time.monotonic() - began < limit_s, (shown[-3:], self.notes[-3:])
            shown.append(self.show(processor))
            time.sleep(0.002)
        return [*shown, self.show(processor)]

    def until(self, processor: Processor, wanted: Backend, limit_s: float = 180.0) -> list[Backend | str]:
        began, shown = time.monotonic(), [self.show(processor)]
        while shown[-1] != wanted:
            assert time.monotonic() - began < limit_s, (shown[-3:], self.notes[-3:])
            time.sleep(0.002)
            shown.append(self.show(processor))
        return shown


def test_a_first_run_serves_at_once_and_is_exchanged_and_the_next_is_compiled_from_the_start(tmp_path: Path) -> None:
    run = Run(tmp_path, content=f"until {tmp_path / 'may-end'}")
    processor = run.serving.start()
    assert run.serving.told == "on cuda"
    shown = run.told(processor, "Compiling for the graphics card")
    assert shown[0] is Backend.CUDA
    (tmp_path / "may-end").touch()
    shown += run.until(processor, Backend.RTX)
    assert shown == [Backend.CUDA] * (len(shown) - 1) + [Backend.RTX]
    assert run.serving.told == "rtx 100"
    assert run.serving.note == ""
    assert run.neural.made[0].closed.wait(60)
    run.serving.stop()

    again = Run(tmp_path)
    again.card._networks = run.card._networks
    processor = again.serving.start()
    assert again.show(processor) is Backend.RTX
    assert again.neural.made == [], "nobody else was put together"


def test_what_the_compiler_refuses_is_told_and_the_other_backend_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(tmp_path, content="refuse")
    processor = run.serving.start()
    assert set(run.told(processor, "not compiled")) <= {Backend.CUDA}
    assert run.serving.note == "not compiled: No operator Wonder."
    assert run.serving.told == "on cuda"
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1


def test_a_plan_that_gives_something_else_never_serves(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.card.refusal = EngineError("The compiled inswapper_128 gives another image.")
    processor = run.serving.start()
    assert set(run.told(processor, "not compiled")) <= {Backend.CUDA}
    assert "gives another image" in run.serving.note


def test_a_card_that_fails_twice_leaves_the_call_to_the_next_backend(tmp_path: Path) -> None:
    first = Run(tmp_path)
    first.until(first.serving.start(), Backend.RTX)

    def trouble(_seq: int) -> None:
        raise DeviceError("The graphics card is lost.")

    took_s: list[float] = []
    while not took_s or (min(took_s) >= 2 and len(took_s) < 3):
        run = Run(tmp_path, trouble=trouble)
        run.card._networks = first.card._networks
        processor, began = run.serving.start(), time.monotonic()
        run.card.may_serve.clear()
        shown = [run.show(processor)]
        assert "failed; it is being started again" in run.serving.note
        shown.append(run.show(processor))
        run.card.may_serve.set()
        shown += run.until(processor, Backend.CUDA)
        took_s.append(time.monotonic() - began)
        assert shown.count("lost") == 2
        assert set(shown) == {"lost", "failed", Backend.CUDA}
        assert run.serving.told == "on cuda"
    assert min(took_s) < 2, "with nothing to load it is all waiting, of which there is little"


def test_a_backend_that_starts_but_cannot_load_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(tmp_path, works=(Backend.CUDA, Backend.CPU), refused=[Backend.CUDA])
    assert run.show(run.serving.start()) is Backend.CPU
    assert "cuda cannot serve, the next backend is tried: cuda has no memory left." in caplog.text


def test_one_that_was_named_is_never_replaced_in_silence(tmp_path: Path) -> None:
    run = Run(tmp_path, Provider.CUDA, refused=[Backend.CUDA])
    with pytest.raises(EngineError, match="cuda has no memory left"):
        run.serving.start()
    absent = Run(tmp_path / "other", Provider.TENSORRT)
    with pytest.raises(ConfigError, match="tensorrt was named but cannot be used"):
        absent.serving.start()


def test_a_named_compiled_backend_is_served_by_another_until_it_is_ready(tmp_path: Path) -> None:
    run = Run(tmp_path, Provider.RTX, content=f"until {tmp_path / 'may-end'}")
    processor = run.serving.start()
    assert run.show(processor) is Backend.CUDA
    (tmp_path / "may-end").touch()
    run.until(processor, Backend.RTX)


def test_stopping_ends_the_compiler(tmp_path: Path) -> None:
    run, before = Run(tmp_path, content="sleep"), psutil.Process().children()
    processor = run.serving.start()
    assert run.show(processor) is Backend.CUDA
    began = time.monotonic()
    run.serving.stop()
    while [child for child in psutil.Process().children() if child not in before]:
        assert time.monotonic() - began < 30, "it would sleep for a minute"
        time.sleep(0.01)
    assert run.show(processor) is Backend.CUDA


def test_where_nothing_is_to_be_compiled_another_serves_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A conversion takes what is there, and is the same from its first picture to its last."""
    run = Run(tmp_path, compiles=False)
    processor = run.serving.start()
    assert "2 networks are not compiled for rtx; on cuda serves." in caplog.text
    assert {run.show(processor) for _ in range(20)} == {Backend.CUDA}
    assert not (tmp_path / "plans").exists()
    run.serving.stop()


def test_what_is_prepared_in_one_thread_is_settled_in_the_one_that_uses_it(tmp_path: Path) -> None:
    run = Run(tmp_path, works=(Backend.CPU,))
    made: list[Processor] = []
    thread = threading.Thread(target=lambda: made.append(run.serving.prepare()))
    thread.start()
    thread.join(60)
    assert run.serving.told
    assert run.serving.plain
    run.serving.settle()
    assert run.show(made[0]) is Backend.CPU
    run.serving.close()
    assert run.show(made[0]) == str(Withheld.FAILED)
