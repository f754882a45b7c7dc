"""What is missing is compiled while another backend serves, and believed once it agrees with the 32-bit network."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from livecam.app.compiled import BackgroundBuild, Wanted, Workshop
from livecam.app.exchange import ExchangingProcessor, Served
from livecam.core.cleared import How
from livecam.core.frame import NS_PER_S
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.core.settings import Settings
from livecam.errors import EngineError, ModelError
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.files import sha256_of
from livecam.inference.model import Model
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Silent
from livecam.inference.store import model_path, pin
from tests.app.pretend_workshop import PLAN, REFERENCE
from tests.app.serving import Painter, frame, picture

PRETEND = str(Path(__file__).with_name("pretend_workshop.py"))
FOLDERS = catalogue_folders(None)


def network(name: str, folder: Path, content: str = "good") -> Model:
    """A recipe without a published digest, and its file, vouched for."""
    model = replace(load_model(name, FOLDERS), saves=())
    path = model_path(model, folder)
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    pin(model, folder, sha256_of(path))
    return model


def workshop(folder: Path) -> Workshop:
    return Workshop(
        PlanCache(folder / "plans"),
        folder / "models",
        FOLDERS,
        Flavour.RTX,
        "1.7.1",
        plan_command=(sys.executable, PRETEND, "plan"),
        reference_command=(sys.executable, PRETEND, "reference"),
    )


class Loaded:
    """An engine that gives `results` whatever it is given."""

    def __init__(self, results: Mapping[str, Tensor] = REFERENCE.results) -> None:
        self._results = results
        self.inputs = {role: TensorSpec(feed.shape, "float32") for role, feed in REFERENCE.feeds.items()}
        self.outputs = {role: TensorSpec(result.shape, "float32") for role, result in results.items()}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self._results

    def close(self) -> None:
        pass


class Told:
    def __init__(self) -> None:
        self.shares: list[float] = []

    def update(self, stage: str, done: int, total: int) -> None:
        if total:
            self.shares.append(done / total)


def test_what_was_made_is_ready_and_found_again(tmp_path: Path) -> None:
    shop, progress = workshop(tmp_path), Told()
    wanted = Wanted(network("inswapper_128", tmp_path / "models"), 4)
    assert not shop.is_ready(wanted)
    with pytest.raises(EngineError, match=r"inswapper_128 is not compiled.*livecam engines build"):
        shop.plan(wanted)
    shop.make(wanted, progress, threading.Event())
    assert progress.shares == sorted(progress.shares)
    assert progress.shares[-1] == 1
    assert shop.is_ready(wanted)
    assert shop.plan(wanted).payload == PLAN
    assert not shop.is_ready(Wanted(wanted.model, 1)), "another batch is another plan"
    assert workshop(tmp_path).is_ready(wanted), "the next run finds it"
    again = Told()
    replace(shop, plan_command=("no-such-command",), reference_command=("neither",)).make(
        wanted, again, threading.Event()
    )


def test_a_compiled_network_is_believed_only_where_it_agrees(tmp_path: Path) -> None:
    shop, wanted = workshop(tmp_path), Wanted(network("inswapper_128", tmp_path / "models"))
    good: Engine = Loaded()
    with pytest.raises(EngineError, match="nothing to judge the compiled inswapper_128 by"):
        shop.check(wanted, good)
    shop.make(wanted, Silent(), threading.Event())
    shop.check(wanted, good)
    black = {"image": np.zeros_like(REFERENCE.results["image"])}
    with pytest.raises(EngineError, match="The compiled inswapper_128 gives another image"):
        shop.check(wanted, Loaded(black))


@pytest.mark.parametrize("spoilt", ["plan", "reference"])
def test_what_was_tampered_with_is_made_anew(spoilt: str, tmp_path: Path) -> None:
    shop, wanted = workshop(tmp_path), Wanted(network("inswapper_128", tmp_path / "models"))
    shop.make(wanted, Silent(), threading.Event())
    folder = tmp_path / "plans" / ("references" if spoilt == "reference" else "")
    (path,) = folder.glob("*.plan")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert not shop.is_ready(wanted)
    shop.make(wanted, Silent(), threading.Event())
    assert shop.is_ready(wanted)


class Telling(BackgroundBuild):
    """A build that remembers every note, also those that nobody looks at in time."""

    notes: list[str]

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "note":
            self.__dict__.setdefault("notes", []).append(value)


class Site:
    """A build in the background, beside a backend that serves.

    Args:
        folder: For everything.
        networks: Content of the file of each network.
        make: Makes the compiled processor; one that paints 2 unless given.
    """

    def __init__(self, folder: Path, networks: Mapping[str, str], make: Callable[[], Served] | None = None) -> None:
        self.compiled = Painter(2)
        self.exchange = ExchangingProcessor(Painter(1).served("cuda"))
        self.shop = workshop(folder)
        self.work = [Wanted(network(name, folder / "models", content)) for name, content in networks.items()]
        self.seconds = iter(range(10**6))
        self.build = Telling(
            self.work,
            self.shop,
            make or (lambda: self.compiled.served("rtx")),
            self.exchange.offer,
            lambda: next(self.seconds) * NS_PER_S,
        )

    def serve(self, until: Callable[[int], bool], limit_s: float = 180.0) -> list[int]:
        """Frames, each of which is swapped, until `until` is told the right thing."""
        began, shown, out = time.monotonic(), [0], picture()
        while not until(shown[-1]):
            assert time.monotonic() - began < limit_s, self.build.notes[-3:]
            assert self.exchange.process(frame(len(shown)), out, Settings()) is How.SWAPPED
            assert out.min() == out.max()
            shown.append(int(out.flat[0]))
            time.sleep(0.001)
        return shown[1:]


def test_frames_are_swapped_while_it_is_compiled_and_then_by_what_was_compiled(tmp_path: Path) -> None:
    site = Site(tmp_path, {"scrfd_2.5g": "good", "inswapper_128": "good and large"})
    site.build.start()
    shown = site.serve(lambda byte: byte == 2)
    assert shown == [1] * (len(shown) - 1) + [2]
    assert all(site.shop.is_ready(each) for each in site.work)
    told = [note for note in site.build.notes if note.startswith("Compiling for the graphics card: ")]
    assert told[0].startswith("Compiling for the graphics card: scrfd_2.5g, 0%")
    assert any(", about " in note and note.endswith(" left") for note in told)
    assert any("inswapper_128" in note for note in told)
    assert site.build.note == ""
    assert site.build.stop()


@pytest.mark.parametrize("kind", ["compiler", "self-test", "file"])
def test_what_is_refused_is_told_once_and_who_serves_goes_on(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def make() -> Served:
        raise EngineError("The compiled inswapper_128 gives another image.")

    site = Site(tmp_path, {"inswapper_128": "refuse" if kind == "compiler" else "good"}, make)
    if kind == "file":
        site.build.start = lambda: None  # type: ignore[method-assign]
        model_path(site.work[0].model, tmp_path / "models").write_text("another", encoding="utf-8")
        site.build._run()
    site.build.start()
    shown = site.serve(lambda _: site.build.note.startswith("not compiled: "))
    assert set(shown) <= {1}
    refusals = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(refusals) == 1
    assert "what serves goes on serving" in refusals[0].getMessage()


def test_stopping_ends_the_compiler_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site, before = Site(tmp_path, {"inswapper_128": "sleep"}), psutil.Process().children()
    site.build.start()
    site.serve(lambda _: "%" in site.build.note and "90%" in site.build.note)
    began = time.monotonic()
    assert site.build.stop(40.0)
    assert time.monotonic() - began < 30, "it would sleep for a minute"
    assert [child for child in psutil.Process().children() if child not in before] == []
    assert caplog.records == []
    assert site.serve(lambda byte: byte == 1) == [1]


def test_one_that_was_made_too_late_is_closed(tmp_path: Path) -> None:
    """The run has ended while it was made."""

    def make() -> Served:
        site.build.stop()
        return site.compiled.served()

    site = Site(tmp_path, {"inswapper_128": "good"}, make)
    site.build._run()
    assert site.compiled.closed.is_set()
    assert site.serve(lambda byte: byte == 1) == [1]


def test_a_build_that_was_never_begun_can_be_stopped(tmp_path: Path) -> None:
    assert Site(tmp_path, {}).build.stop()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    model = load_model("inswapper_128", FOLDERS)
    with pytest.raises(ModelError, match="livecam models pull inswapper_128"):
        workshop(tmp_path).make(Wanted(model), Silent(), threading.Event())
