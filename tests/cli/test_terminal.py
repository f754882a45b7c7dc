"""``livecam man``, ``completion`` and ``service``: what a terminal shows."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which

import click
import pytest
from click.testing import CliRunner

from livecam.app.service import choose
from livecam.app.service.manager import Job, ServiceStatus
from livecam.cli.man_command import EXIT_CODES, page
from livecam.cli.root import root


def ran(*words: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(root, list(words), env=env, prog_name="livecam")
    return result.exit_code, result.output


def test_the_page_has_every_command_and_every_exit_code() -> None:
    text = "\n".join(page(root))
    context = click.Context(root)
    for name in root.list_commands(context):
        assert f".SS livecam {name}".replace("-", r"\-") in text
    for code, _ in EXIT_CODES:
        assert rf"\fB{code}\fR" in text
    assert r"\-\-persona" in text


@pytest.mark.skipif(which("groff") is None, reason="groff is not installed")
def test_the_page_is_clean_roff() -> None:
    _, text = ran("man")
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "a camera that wears another face" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_script(shell: str) -> None:
    code, text = ran("completion", shell)
    assert code == 0
    assert "_LIVECAM_COMPLETE" in text


def completed(words: Sequence[str], tmp_path: Path) -> list[str]:
    """What bash is offered after `words`, the last of them begun."""
    env = {
        "_LIVECAM_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["livecam", *words]),
        "COMP_CWORD": str(len(words)),
        "LIVECAM_DATA": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run([sys.executable, "-m", "livecam"], env=env, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_choices_and_personas_are_completed(tmp_path: Path) -> None:
    (tmp_path / "personas" / "norma").mkdir(parents=True)
    assert completed(["ser"], tmp_path) == ["service"]
    assert completed(["run", "--others", "w"], tmp_path) == ["withhold"]
    assert completed(["run", "--persona", "no"], tmp_path) == ["nobody", "norma"]


class Pretended:
    """A service manager that keeps what it was told."""

    def __init__(self, running: bool) -> None:
        self.jobs: list[tuple[Job, bool]] = []
        self._running = running

    def install(self, job: Job, start: bool) -> str:
        self.jobs.append((job, start))
        return "livecam runs."

    def uninstall(self) -> str:
        return "livecam no longer starts."

    def status(self) -> ServiceStatus:
        return ServiceStatus(True, self._running, "active.")

    def logs(self, lines: int, follow: bool) -> list[str]:
        return [sys.executable, "-c", f"print({lines}, {follow})"]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Pretended:
    pretended = Pretended(running=False)
    monkeypatch.setattr(choose, "service_here", lambda *_: pretended)
    return pretended


def test_a_service_runs_with_the_flags_of_run(manager: Pretended) -> None:
    code, said = ran("service", "install", "--no-start", "--persona", "ann", "--fps", "25")
    assert (code, said) == (0, "livecam runs.\n")
    job, start = manager.jobs[0]
    assert not start
    assert job.command[1:] == ("-m", "livecam", "run", "--no-tty", "--persona", "ann", "--fps", "25")


@pytest.mark.parametrize("flags", [["--persnoa", "ann"], ["--fps", "many"], ["--config", "/no/such.toml"]])
def test_what_run_would_refuse_is_refused_before(manager: Pretended, flags: list[str]) -> None:
    code, said = ran("service", "install", *flags)
    assert code == 2, said
    assert manager.jobs == []


def test_how_the_service_is(manager: Pretended) -> None:
    assert ran("service", "status") == (3, "active.\n")
    assert ran("service", "uninstall") == (0, "livecam no longer starts.\n")
    assert ran("service", "logs", "--lines", "7")[0] == 0
    assert manager.jobs == []
