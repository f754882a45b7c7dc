"""What a network gives in 32 bit is worked out once, by a process of its own, and believed only as it was kept."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livecam.errors import EngineError
from livecam.inference.agreement import Reference
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.files import sha256_of
from livecam.inference.onnx import load_model_engine
from livecam.inference.plan_build import Terms
from livecam.inference.plan_key import Flavour
from livecam.inference.plan_request import Request, request_for
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Silent
from livecam.inference.references import (
    COMMAND,
    find_reference,
    from_bytes,
    obtain_reference,
    references_in,
    to_bytes,
)
from tests.vision.swap import planted

MODEL = planted.model("inswapper_128")


def asked(path: Path) -> Request:
    return request_for(MODEL, path, sha256_of(path), catalogue_folders(None), flavour=Flavour.RTX, batch=4)


def obtained(plans: PlanCache, request: Request, *command: str) -> Reference:
    return obtain_reference(plans, request, Silent(), Terms(threading.Event(), command=command or COMMAND))


def test_it_is_worked_out_by_another_process_as_this_one_would_and_kept(tmp_path: Path) -> None:
    path, plans = planted.swapper(tmp_path / "swap.onnx"), PlanCache(tmp_path / "plans")
    request = asked(path)
    assert find_reference(plans, request) is None
    found = obtained(plans, request)
    engine = load_model_engine(MODEL, path)
    assert found.check(engine, MODEL.name)["image"] < 1e-6
    assert found.feeds["target"].shape == (1, 3, 128, 128)
    kept = find_reference(plans, replace(request, batch=1, targets=("sm_86",)))
    assert kept is not None, "another plan of the same network is held against the same"
    np.testing.assert_array_equal(kept.results["image"], found.results["image"])
    assert obtained(plans, request, "no-such-command").results.keys() == {"image"}
    assert find_reference(plans, replace(request, weights="c" * 64)) is None


def test_a_file_that_was_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    path, plans = planted.swapper(tmp_path / "swap.onnx"), PlanCache(tmp_path / "plans")
    request = replace(asked(path), weights="c" * 64)
    with pytest.raises(EngineError, match="was changed while it was about to be tried"):
        obtained(plans, request)
    assert find_reference(plans, request) is None


def test_what_is_damaged_is_not_believed(tmp_path: Path) -> None:
    path, plans = planted.swapper(tmp_path / "swap.onnx"), PlanCache(tmp_path / "plans")
    request = asked(path)
    obtained(plans, request)
    (kept,) = references_in(plans).entries()
    content = bytearray(kept.path.read_bytes())
    content[-9] ^= 1
    kept.path.write_bytes(content)
    assert find_reference(plans, request) is None
    assert plans.entries() == [], "it is no plan"


def test_types_and_shapes_survive() -> None:
    reference = Reference(
        {"picture": np.ones((1, 3, 4, 4), np.float32), "weight": np.array([0.5])},
        {"image": np.full((2, 2), np.float16(0.1))},
    )
    found = from_bytes(to_bytes(reference))
    for mine, theirs in ((reference.feeds, found.feeds), (reference.results, found.results)):
        assert list(mine) == list(theirs)
        for role in mine:
            assert mine[role].dtype == theirs[role].dtype
            np.testing.assert_array_equal(mine[role], theirs[role])


@pytest.mark.parametrize("payload", [b"", b"rubbish", b"PK\x03\x04" + bytes(40)])
def test_rubbish_is_an_error_in_words(payload: bytes) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        from_bytes(payload)
