"""Building in a process of its own: what it makes arrives whole, what it breaks is told, and it never outlives us."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from livecam.bench import standins
from livecam.core.frame import Size
from livecam.errors import EngineError
from livecam.inference import plan_child, tensorrt_build, toolkits
from livecam.inference.catalogue import catalogue_folders, load_model
from livecam.inference.files import sha256_of
from livecam.inference.plan_build import Terms, build_in_child, obtain_plan
from livecam.inference.plan_child import Step
from livecam.inference.plan_key import Flavour, Precision, key_digest
from livecam.inference.plan_request import Request, key_of, request_for
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Silent
from livecam.inference.tensorrt_build import Options
from livecam.inference.toolkits import Toolkit
from tests.inference.pretend_builder import PAYLOAD
from tests.patience import UNHURRIED_S, wait_longer

BUILDER = Path(__file__).with_name("pretend_builder.py")
FOLDERS = catalogue_folders(None)
SWAPPER = load_model("inswapper_128", FOLDERS)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, ["livecam.inference.plan_build._END_S"])


def terms(*arguments: str, limit_s: float = UNHURRIED_S, cancel: threading.Event | None = None) -> Terms:
    return Terms(cancel or threading.Event(), limit_s, (sys.executable, str(BUILDER), *arguments))


def request(name: str = "good") -> Request:
    return Request(name, (), "x.onnx", "a" * 64, "b" * 64, Flavour.RTX, Precision.FP16)


class Told:
    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def update(self, stage: str, done: int, total: int) -> None:
        self.told.append((stage, done, total))


def running() -> list[psutil.Process]:
    """Builders that have not ended, of this process."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found += [child] if str(BUILDER) in child.cmdline() else []
    return found


def test_what_is_built_arrives_whole_with_progress() -> None:
    progress = Told()
    payload, about = build_in_child(request(), progress, terms())
    assert payload == PAYLOAD
    assert about == {"model": "good"}
    assert progress.told[-1] == ("compiling", 1000, 1000)
    assert 50 < len(progress.told) < 150, "a hundredth at a time"
    assert running() == []


def test_what_native_code_prints_does_no_harm() -> None:
    assert build_in_child(request("babble"), None, terms())[0] == PAYLOAD


def test_a_refusal_is_told_as_it_is() -> None:
    with pytest.raises(EngineError, match="No operator Wonder") as caught:
        build_in_child(request("refuse"), None, terms())
    assert caught.value.next_step == "Choose another network."


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_builder_that_dies_is_an_error() -> None:
    with pytest.raises(EngineError, match="ended by signal 9"):
        build_in_child(request("die"), None, terms())
    with pytest.raises(EngineError, match="exit status 1: ValueError: a bug"):
        build_in_child(request("crash"), None, terms())


def test_what_makes_no_sense_is_an_error() -> None:
    with pytest.raises(EngineError, match="nothing sensible"):
        build_in_child(request(), None, terms("nonsense"))
    with pytest.raises(EngineError, match="exit status 0"):
        build_in_child(request(), None, terms("short"))
    with pytest.raises(EngineError, match="cannot be started"):
        build_in_child(request(), None, Terms(threading.Event(), 10, ("/nowhere/at/all",)))


def test_cancelled_it_ends_at_once() -> None:
    cancel, began = threading.Event(), []

    class Canceller(Told):
        def update(self, _stage: str, _done: int, _total: int) -> None:
            began.append(time.monotonic())
            cancel.set()

    with pytest.raises(EngineError, match="cancelled"):
        build_in_child(request("sleep"), Canceller(), terms(cancel=cancel))
    assert time.monotonic() - began[0] < 30
    assert running() == []


def test_a_build_has_an_end() -> None:
    with pytest.raises(EngineError, match="took longer than"):
        build_in_child(request("sleep"), None, terms(limit_s=0.5))
    assert running() == []


def test_ctrl_c_ends_it_at_once() -> None:
    class Interrupted(Told):
        def update(self, _stage: str, _done: int, _total: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_in_child(request("sleep"), Interrupted(), terms())
    assert running() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_it_does_not_outlive_whoever_started_it() -> None:
    owner = subprocess.Popen([sys.executable, str(BUILDER)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert owner.stdin is not None
    assert owner.stderr is not None
    owner.stdin.write(request("sleep").text().encode() + b"\n")
    owner.stdin.flush()
    assert owner.stderr.readline().startswith(b"pid")
    # What happens to the pipe when its other end is killed.
    owner.stdin.close()
    assert owner.wait(60) == 3
    owner.stderr.close()


def test_a_plan_is_built_once_and_then_found(tmp_path: Path) -> None:
    cache, wanted = PlanCache(tmp_path / "plans"), replace(request(), model="good")
    for _ in range(2):
        found = obtain_plan(cache, wanted, SWAPPER, "1.7.1", Silent(), terms())
        assert found.payload == PAYLOAD
    broken = Terms(threading.Event(), 10, ("/nowhere/at/all",))
    assert obtain_plan(cache, wanted, SWAPPER, "1.7.1", Silent(), broken).payload == PAYLOAD
    with pytest.raises(EngineError):
        obtain_plan(cache, wanted, SWAPPER, "1.7.2", Silent(), broken)


def test_a_request_survives_the_way() -> None:
    wanted = replace(request(), targets=("sm_86",), size=(640, 384), keep_wide=("Exp",))
    assert Request.from_text(wanted.text()) == wanted
    assert wanted.picture_size == Size(640, 384)
    for text in ("", "[]", "{}", '{"flavour": "x", "precision": "fp16"}'):
        with pytest.raises(EngineError, match="cannot be understood"):
            Request.from_text(text)


def test_everything_asked_for_is_in_the_key() -> None:
    wanted = request_for(SWAPPER, Path("a.onnx"), "b" * 64, FOLDERS, flavour=Flavour.RTX)
    others = [
        replace(wanted, **change)
        for change in (
            {"weights": "c" * 64},
            {"recipe": "c" * 64},
            {"precision": Precision.FP32},
            {"batch": 4},
            {"size": (640, 640)},
            {"targets": ("sm_86",)},
            {"card": "sm_90 NVIDIA H200 driver 13000"},
            {"level": 5},
            {"keep_wide": ("Exp",)},
            {"flavour": Flavour.TENSORRT},
        )
    ]
    digests = {key_digest(key_of(held, SWAPPER, "1.7.1")) for held in [wanted, *others]}
    assert len(digests) == len(others) + 1
    # Where the file lies does not matter; what is in it does.
    assert key_of(replace(wanted, path="/elsewhere.onnx"), SWAPPER, "1") == key_of(wanted, SWAPPER, "1")
    assert key_of(replace(wanted, targets=("sm_89", "sm_86")), SWAPPER, "1") == key_of(
        replace(wanted, targets=("sm_86", "sm_89")), SWAPPER, "1"
    )


def test_what_full_tensorrt_measured_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, given = tmp_path / "network.onnx", []
    standins.write("scrfd_500m", path, 16)
    detector = load_model("scrfd_500m", FOLDERS)
    card = "sm_90 NVIDIA H200 driver 13000"

    def compile_plan(_kit: Toolkit, _network: bytes, _shapes: object, options: Options, _step: Step) -> bytes:
        given.append(options.timing)
        options.timing += b"measured"
        return b"plan"

    monkeypatch.setattr(toolkits, "toolkit", lambda flavour: Toolkit(flavour, "11.4.0", ModuleType("pretend")))
    monkeypatch.setattr(tensorrt_build, "compile_plan", compile_plan)
    wanted = request_for(
        detector, path, sha256_of(path), FOLDERS, flavour=Flavour.TENSORRT, precision=Precision.FP32, card=card
    )
    plans = tmp_path / "plans"
    for _ in range(2):
        payload, about = plan_child.build(replace(wanted, plans=str(plans)), lambda *_: True)
        assert payload == b"plan"
        assert about["type:input.1"] == "float32"
    # Not for another card, and not where nothing is to be kept.
    plan_child.build(replace(wanted, plans=str(plans), card="sm_86"), lambda *_: True)
    plan_child.build(wanted, lambda *_: True)
    assert given == [b"", b"measured", b"", b""]
    assert len(PlanCache(plans).entries()) == 2


def test_a_file_that_was_changed_meanwhile_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "network.onnx"
    standins.write("scrfd_500m", path, 16)
    detector = load_model("scrfd_500m", FOLDERS)
    monkeypatch.setattr(toolkits, "toolkit", lambda flavour: Toolkit(flavour, "1.7.1", ModuleType("pretend")))
    wanted = request_for(detector, path, sha256_of(path), FOLDERS, flavour=Flavour.RTX)
    for changed in (replace(wanted, weights="0" * 64), replace(wanted, recipe="0" * 64)):
        with pytest.raises(EngineError, match="was changed"):
            plan_child.build(changed, lambda *_: True)


def test_only_swappers_take_several_pictures() -> None:
    detector = load_model("scrfd_10g", FOLDERS)
    assert request_for(detector, Path("a"), "", FOLDERS, flavour=Flavour.RTX, batch=4).batch == 1
    wanted = request_for(SWAPPER, Path("a"), "", FOLDERS, flavour=Flavour.RTX, batch=4)
    target = key_of(wanted, SWAPPER, "1").shapes[0]
    assert (target.least[0], target.most[0]) == (1, 4)
