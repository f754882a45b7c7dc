"""``livecam engines``: what users see, with a builder and networks that are made up."""

import errno
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import click
import pytest
from click.testing import CliRunner, Result

from livecam.cli import engines_command
from livecam.cli.engines_command import engines_group
from livecam.config import Paths
from livecam.errors import ConfigError, EngineError, ExtraMissing
from livecam.inference import catalogue, plan_build, toolkits
from livecam.inference import plans as plans_module
from livecam.inference.model import Model
from livecam.inference.plan_build import Terms
from livecam.inference.plan_key import Flavour
from livecam.inference.plans import Made, PlanCache
from livecam.inference.progress import Progress, Silent
from livecam.inference.store import model_path
from livecam.inference.toolkits import Toolkit
from tests.damage import damage
from tests.inference.models import content, network, swapper
from tests.inference.pretend_builder import PAYLOAD

BUILDER = Path(__file__).parents[1] / "inference" / "pretend_builder.py"
Catalogue: TypeAlias = dict[str, Model]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this user's files."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(autouse=True)
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT for RTX is here, and builds what the tests want."""
    kit = Toolkit(Flavour.RTX, "1.7.1", ModuleType("pretend"))
    absent = ExtraMissing("TensorRT does not load here.", "pip install 'livecam[tensorrt]'")
    monkeypatch.setattr(toolkits, "toolkits", lambda: {Flavour.RTX: kit, Flavour.TENSORRT: absent})
    monkeypatch.setattr(plan_build, "Terms", partial(Terms, command=(sys.executable, str(BUILDER))))


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Two that are here, one that is not, and one that cannot be compiled."""
    made = [
        network("good", content(1)),
        swapper("swap", "good", "", content(2)),
        network("absent", content(3)),
        network("refuse", content(4)),
    ]
    models = {model.name: model for model in made}
    monkeypatch.setattr(catalogue, "load_all", lambda _: models)
    for seed, model in enumerate(made, 1):
        if model.name != "absent":
            path = model_path(model, Paths.find().models)
            path.parent.mkdir(parents=True)
            path.write_bytes(content(seed))
    return models


def call(*arguments: str) -> Result:
    return CliRunner().invoke(engines_group, arguments)


def plans() -> PlanCache:
    return PlanCache(Paths.find().cache / "plans")


def files() -> list[str]:
    return sorted(entry.path.name.partition(".")[0] for entry in plans().entries())


@pytest.mark.usefixtures("networks")
def test_a_network_is_built_once() -> None:
    first = call("build", "good")
    assert first.exit_code == 0, first.output
    assert "good: built in" in first.output
    assert "good: compiling: 50 %" in first.output
    assert "1.2 MB" in first.output
    assert plans().entries()[0].size > len(PAYLOAD)
    again = call("build", "good")
    assert again.exit_code == 0
    assert "good: was there already" in again.output
    assert "compiling" not in again.output


@pytest.mark.usefixtures("networks")
def test_a_plan_that_must_not_be_used_was_not_there() -> None:
    call("build", "good")
    damage(plans().entries()[0].path)
    again = call("build", "good")
    assert again.exit_code == 0
    assert "good: built in" in again.output


@pytest.mark.usefixtures("networks")
def test_what_a_full_disk_did_not_keep_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _front: bytes, _payload: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(plans_module, "_write", full)
    result = call("build", "good")
    assert result.exit_code == 1
    assert "not kept: the disk of" in result.output
    assert files() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has lists for it")
@pytest.mark.usefixtures("networks")
def test_a_folder_that_others_may_write_is_not_called_sound() -> None:
    call("build", "good")
    folder = plans().folder
    folder.chmod(0o777)
    for command in (["list"], ["verify"], ["prune"]):
        told = call(*command).exception
        assert isinstance(told, EngineError)
        assert f"chmod 700 {folder}" in str(told)
    result = call("build", "good")
    assert result.exit_code == 1
    assert f"chmod 700 {folder}" in result.output
    folder.chmod(0o700)
    assert call("verify").exit_code == 0


@pytest.mark.usefixtures("networks")
def test_the_bar_is_gone_before_anything_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    @contextmanager
    def bar() -> Iterator[Progress]:
        try:
            yield Silent()
        finally:
            shown.append("gone")

    monkeypatch.setattr(engines_command, "progress_shown", bar)
    monkeypatch.setattr(click, "echo", lambda text, err=False: shown.append(text.partition(":")[0]))
    call("build", "good", "refuse", "swap")
    assert shown == ["gone", "good", "gone", "refuse", "gone", "swap"]


def test_what_a_recipe_leaves_free_is_compiled_for_one() -> None:
    assert engines_command._pictures([["picture", *[[-1, 3, -1, -1]] * 3]]) == "1"
    assert engines_command._pictures([["target", [1, 3, 8, 8], *[[4, 3, 8, 8]] * 2]]) == "4"


@pytest.mark.usefixtures("networks")
def test_other_wishes_make_other_plans() -> None:
    for wishes in ([], ["--precision", "fp32"], ["--for", "sm_86"], ["--batch", "4"]):
        assert call("build", "swap", *wishes).exit_code == 0
    assert len(files()) == 4
    rows = json.loads(call("list", "--json").output)
    assert {(row["precision"], row["for"]) for row in rows} == {
        ("fp16", "portable"),
        ("fp32", "portable"),
        ("fp16", "sm_86"),
    }
    assert {row["built_with"] for row in rows} == {"rtx 1.7.1"}
    assert sorted(row["pictures"] for row in rows) == ["1", "1", "1", "4"]


@pytest.mark.usefixtures("networks")
def test_without_a_name_all_that_are_here_are_built_and_failures_are_told() -> None:
    result = call("build")
    assert result.exit_code == 1
    assert "refuse: No operator Wonder. Choose another network." in result.output
    assert files() == ["good-fp16", "swap-fp16"]
    assert "absent" not in result.output


@pytest.mark.usefixtures("networks")
def test_what_is_not_here_is_told_how_to_get() -> None:
    result = call("build", "absent")
    assert result.exit_code == 1
    assert "livecam models pull absent" in result.output
    assert isinstance(call("build", "swop").exception, ConfigError)


def test_nothing_here_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "load_all", lambda _: {})
    assert "There are no networks in" in call("build").output
    assert "Nothing is compiled in" in call("list").output
    assert call("verify").exit_code == 0
    assert "Deleted 0 files" in call("prune").output


@pytest.mark.usefixtures("networks")
def test_without_any_tensorrt_both_reasons_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = {flavour: ExtraMissing(f"No {flavour}.", "Get it.") for flavour in Flavour}
    monkeypatch.setattr(toolkits, "toolkits", lambda: reasons)
    told = call("build", "good").exception
    assert isinstance(told, ExtraMissing)
    assert "No tensorrt. Get it." in str(told)
    assert "No rtx. Get it." in str(told)


@pytest.mark.usefixtures("networks")
def test_the_list_is_for_people() -> None:
    call("build", "good")
    lines = [line.split("\t") for line in call("list").output.splitlines()]
    assert lines[0] == ["network", "precision", "pictures", "built with", "for", "size", "used", "status"]
    assert lines[1] == ["good", "fp16", "", "rtx 1.7.1", "portable", "1.2 MB", "today", "sound"]


@pytest.mark.usefixtures("networks")
def test_damage_is_found_and_put_away() -> None:
    call("build", "good", "swap")
    assert call("verify").exit_code == 0
    damaged = plans().entries()[0].path
    with damaged.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    result = call("verify")
    assert result.exit_code == 1
    assert "damaged" in result.output
    assert not damaged.exists()
    assert call("verify").exit_code == 0
    assert len(files()) == 1


@pytest.mark.usefixtures("networks")
def test_pruning_keeps_what_was_used_last() -> None:
    call("build", "good", "swap")
    old = next(entry.path for entry in plans().entries() if entry.path.name.startswith("good"))
    os.utime(old, (time.time() - 3.5 * 86400,) * 2)
    assert "3 days ago" in call("list").output
    assert "Deleted 0 files" in call("prune").output
    assert "Deleted 1 file, 1.2 MB" in call("prune", "--budget", "0.0012").output
    assert files() == ["swap-fp16"]
    assert "Deleted 1 file" in call("prune", "--all").output
    assert files() == []


def test_ctrl_c_ends_the_build_and_leaves_nothing(networks: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    networks["sleep"] = network("sleep", content(5))
    path = model_path(networks["sleep"], Paths.find().models)
    path.parent.mkdir(parents=True)
    path.write_bytes(content(5))
    listen = plan_build._listen

    def interrupted(child: plan_build._Child, _progress: Progress) -> Made | None:
        class Interrupted:
            def update(self, _stage: str, _done: int, _total: int) -> None:
                raise KeyboardInterrupt

        return listen(child, Interrupted())

    monkeypatch.setattr(plan_build, "_listen", interrupted)
    began = time.monotonic()
    result = call("build", "sleep")
    assert result.exit_code != 0
    assert time.monotonic() - began < 40
    assert files() == []
    assert not [thread for thread in threading.enumerate() if thread.name == "plan-build-watch"]
