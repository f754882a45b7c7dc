"""The command line: through click's runner, and as a real process."""

import contextlib
import errno
import json
import logging
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result
from rich.text import Text

import livecam
from livecam.capture.devices import CameraFormat, CameraInfo
from livecam.cli import faces_commands, root
from livecam.cli import output as output_module
from livecam.cli import status as status_module
from livecam.cli.exits import ExitCodes
from livecam.cli.logs import start_daemon_log, start_log
from livecam.cli.output import print_rows
from livecam.cli.progress import progress_shown
from livecam.cli.status import line, plain, shown
from livecam.config import SETTINGS, Config, LogConfig, LogLevel, Paths, example_text
from livecam.core.frame import Size
from livecam.core.settings import Mode
from livecam.errors import ConfigError, LivecamError, SourceGone
from livecam.faces.library import PersonaLibrary
from livecam.output.outputs import OutputInfo
from livecam.runtime import log_writer
from livecam.runtime.log_writer import flush_log
from livecam.runtime.report import Status
from livecam.vision.look import EdgeLook
from tests.faces.doubles import FakePreparer, encoded, photo
from tests.patience import UNHURRIED_S

STATUS = Status(
    fps=29.97,
    age_p50_ms=18.4,
    age_p95_ms=31.2,
    dropped=3,
    state="live",
    showing="live",
    persona="ann",
    mode="swap",
    provider="cpu",
    note="",
    sinks=("null",),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test sees this user's files, and none leaves a log handler behind."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LIVECAM_CACHE", str(tmp_path / "cache"))
    before, level = list(logging.root.handlers), logging.root.level
    yield tmp_path
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """All networks are there."""
    for module in ("run_command", "faces_commands"):
        monkeypatch.setattr(f"livecam.cli.{module}.fetch_missing", lambda *_: None)


class FakeApp:
    """Stands where `livecam.app` is; the modules in it are the real ones."""

    __path__ = (str(Path(livecam.__file__).parent / "app"),)
    __spec__ = None

    def __init__(self) -> None:
        self.configs: list[Config] = []
        self.preparer = FakePreparer()
        self.error: BaseException | None = None
        self.asked: Collection[str] = ()

    def run(
        self,
        config: Config,
        show: Callable[[Status], None],
        *,
        paths: Paths,
        read_config: Callable[[], Config],
        may_restart: Callable[[], bool],
        asked: Collection[str],
    ) -> None:
        self.configs.append(config)
        self.asked = asked
        show(STATUS)
        if self.error is not None:
            raise self.error

    def persona_library(self, _: Config, paths: Paths) -> PersonaLibrary:
        return PersonaLibrary(paths.personas, {"mesh": self.preparer}, paths.prepared)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, fetched: None) -> FakeApp:
    fake = FakeApp()
    monkeypatch.setitem(sys.modules, "livecam.app", fake)
    monkeypatch.setattr(livecam, "app", fake, raising=False)
    return fake


def call(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(root, [str(argument) for argument in arguments], input=text)


def test_every_command_shows_an_example() -> None:
    def visit(command: click.Command, words: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                child = command.get_command(click.Context(command), name)
                assert child is not None
                visit(child, (*words, name))
        else:
            told = call(*words, "--help")
            assert told.exit_code == 0
            assert "Examples:" in told.output, words
            assert "livecam" in told.output.partition("Examples:")[2], words

    visit(root, ())


def test_version() -> None:
    assert call("--version").output == f"livecam, version {version('livecam')}\n"


def test_run_takes_the_flags_of_scripts(app: FakeApp, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[log]\nlevel = 'error'\n")
    result = call(
        *("run", "--source", "file:clip.mp4?loop=0", "--sink", "record:out.mp4", "--sink", "null"),
        *("--persona", "ann", "--size", "640x480", "--fps", "25", "--seconds", "3"),
        *("--report", tmp_path / "r.json", "--no-tty", "--config", tmp_path / "c.toml", "--shape", "0.2"),
    )
    assert result.exit_code == 0, result.output
    (config,) = app.configs
    assert config.source.spec.target == "clip.mp4"
    assert [spec.kind for spec in config.output.sinks] == ["record", "null"]
    assert (config.face.persona, config.output_size, config.source.fps) == ("ann", Size(640, 480), 25.0)
    assert (config.run.seconds, config.run.report, config.run.tty) == (3.0, tmp_path / "r.json", False)
    assert config.log.level is LogLevel.ERROR
    assert {"face.shape", "face.persona"} <= set(app.asked), "they go before what a persona has of its own"
    assert "log.level" not in app.asked
    assert config.settings.mode is Mode.SWAP
    assert "Sending to null\nlive       30.0 fps  age 18/31 ms  sound +35 ms  drops 3  ann  cpu\n" in result.output


def test_passthrough_must_be_asked_for(app: FakeApp) -> None:
    call("run")
    call("run", "--passthrough")
    call("run", "--no-passthrough")
    assert [config.settings.mode for config in app.configs] == [Mode.SWAP, Mode.PASSTHROUGH, Mode.SWAP]


def test_every_setting_has_its_flag_in_a_group() -> None:
    told = call("run", "--help").output
    for key in SETTINGS.values():
        assert key.setting.flag in told
    assert "[privacy] What may leave, and what is shown when nothing may:" in told
    assert told.index("[source]") < told.index("--fps") < told.index("[output]") < told.index("--sink")


def test_errors_are_a_sentence_and_a_code(app: FakeApp, tmp_path: Path) -> None:
    for arguments, code, told in (
        (["run", "--fps", "abc"], 2, "--fps must be a number, not 'abc'. `livecam run --help`"),
        (["run", "--config", str(tmp_path / "no.toml")], 2, "There is no configuration file"),
        (["run", "--report", str(tmp_path / "no" / "r.json")], 2, "The report cannot be written"),
        (["run", "--report", str(tmp_path)], 2, "The report cannot be written"),
        (["run", "--log-file", str(tmp_path / "no" / "l")], 2, "The log file"),
        (["run", "--fsp", "3"], 2, "No such option"),
        (["faces", "show", "nobdy"], 1, "Did you mean 'nobody'?"),
    ):
        result = call(*arguments)
        assert result.exit_code == code, arguments
        assert told in result.stderr
        assert "Traceback" not in result.stderr
    assert app.configs == []
    app.error = SourceGone("The camera is gone.", "Plug it in.")
    result = call("run", "--no-tty")
    assert (result.exit_code, result.stderr) == (1, "The camera is gone. Plug it in.\n")


def test_a_bug_shows_its_traceback(app: FakeApp) -> None:
    app.error = ZeroDivisionError("ups")
    result = call("run")
    assert result.exit_code == 70
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError: ups" in result.stderr


def test_interrupts_are_quiet(app: FakeApp) -> None:
    for error in (KeyboardInterrupt(), click.Abort()):
        app.error = error
        result = call("run", "--no-tty")
        assert (result.exit_code, result.stderr) == (130, "")


def test_what_click_handles_is_left_to_it() -> None:
    for error in (click.UsageError("x"), click.exceptions.Exit(3), OSError(errno.EPIPE, "gone"), SystemExit(4)):
        with pytest.raises(type(error)) as caught, ExitCodes():
            raise error
        assert caught.value is error


def test_config_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("config", "example").output == example_text()
    assert call("config", "path").output.strip().endswith("livecam.toml")
    monkeypatch.setenv("LIVECAM_FACE_SHAPE", "0.9")
    (tmp_path / "c.toml").write_text("[source]\nfps = 12\n")
    arguments = ("config", "show", "--config", tmp_path / "c.toml", "--sink", "null", "--sink", "web")
    values = json.loads(call(*arguments, "--json").output)
    assert set(values) == set(SETTINGS)
    assert values["source.fps"] == {"value": 12, "from": "file", "place": f"{tmp_path / 'c.toml'}:2"}
    assert values["face.shape"] == {"value": 0.9, "from": "environment", "place": "LIVECAM_FACE_SHAPE"}
    assert values["output.sinks"] == {"value": ["null", "web"], "from": "flag", "place": "--sink"}
    assert values["privacy.passthrough"] == {"value": False, "from": "default", "place": ""}
    rows = [row.split("\t") for row in call(*arguments).output.splitlines()]
    assert rows[0] == ["setting", "value", "from"]
    assert ["face.shape", "0.9", "environment LIVECAM_FACE_SHAPE"] in rows


def test_faces_life(app: FakeApp, tmp_path: Path) -> None:
    one = photo(tmp_path, "one.png")
    result = call("faces", "add", "ann", one, "--consent", "written", "--subject", "Ann E.")
    added, checked, agreed = result.output.splitlines()
    assert agreed == "It may be worn for live. Change that: livecam faces consent ann --renew"
    assert added == "Added 'ann', made from 1 photo. Wear it: livecam run --persona ann"
    assert checked.startswith("Nothing is checked for nudity, and no photo for the age of who it shows")
    entries = json.loads(call("faces", "list", "--json").output)
    assert [entry["name"] for entry in entries] == ["nobody", "ann"]
    assert (entries[1]["consent"], entries[1]["subject"]) == ("written", "Ann E.")
    assert json.loads(call("faces", "show", "ann", "--json").output) == entries[1]
    assert "subject:   Ann E." in call("faces", "show", "ann").output
    assert "ann\t1\twritten\tAnn E." in call("faces", "list").output
    again = call("faces", "add", "ann", one, "--consent", "self")
    assert again.exit_code == 1
    assert "already a persona 'ann'" in again.stderr
    assert call("faces", "add", "ann", one, photo(tmp_path, "two.jpg"), "--consent", "self", "--replace").exit_code == 0
    assert call("faces", "remove", "ann", "--yes").output == "Removed 'ann'.\n"
    assert call("faces", "remove", "ann", "--yes").exit_code == 1
    assert call("faces", "remove", "nobody", "--yes").exit_code == 1


def test_refused_photos_are_named(app: FakeApp, tmp_path: Path) -> None:
    black = photo(tmp_path, "black.png", value=0)
    result = call("faces", "add", "ann", black, "--consent", "self")
    assert (result.exit_code, result.stderr) == (1, f"{black} shows no face. Use a photo of one face.\n")
    for bad, told in ((tmp_path / "absent.png", "There is no file"), (tmp_path / "none", "There is no file")):
        result = call("faces", "add", "ann", bad, "--consent", "self")
        assert result.exit_code == 1
        assert told in result.stderr
    assert call("faces", "add", "../x", black, "--consent", "self").exit_code == 1
    assert call("faces", "add", "ann").exit_code == 2
    assert call("faces", "add", "ann", black, "--consent", "unstated").exit_code == 2


def test_without_a_ground_no_face_is_added(app: FakeApp, tmp_path: Path) -> None:
    result = call("faces", "add", "ann", photo(tmp_path))
    assert result.exit_code == 2
    assert "Say --consent self|written|licensed|synthetic." in result.stderr
    assert [entry["name"] for entry in json.loads(call("faces", "list", "--json").output)] == ["nobody"]


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces_commands, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))


def test_consent_is_asked_for(app: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch)
    result = call("faces", "add", "ann", photo(tmp_path), text="maybe\nlicensed\nBob\n")
    assert result.exit_code == 0, result.output
    described = json.loads(call("faces", "show", "ann", "--json").output)
    assert (described["consent"], described["subject"]) == ("licensed", "Bob")
    own = call("faces", "add", "me", photo(tmp_path), text="self\n")
    assert "Whose face" not in own.output
    ended = call("faces", "add", "x", photo(tmp_path), text="")
    assert ended.exit_code == 130
    assert "Traceback" not in ended.output


def test_removal_is_confirmed(app: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("faces", "add", "ann", photo(tmp_path), "--consent", "self")
    nobody_asked = call("faces", "remove", "ann")
    assert nobody_asked.exit_code == 2
    assert "This cannot be undone, and here is no terminal to ask at. Say --yes" in nobody_asked.stderr
    at_a_terminal(monkeypatch)
    asked = call("faces", "remove", "ann", text="n\n")
    assert asked.exit_code == 1
    assert asked.output.count("This cannot be undone.") == 1
    assert "ann" in call("faces", "list").output
    assert call("faces", "remove", "ann", text="y\n").exit_code == 0
    assert call("faces", "remove", "ann", "--yes").exit_code == 1


def test_device_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livecam.cli.devices.list_cameras", lambda: ())
    monkeypatch.setattr("livecam.cli.devices.list_outputs", lambda: ())
    monkeypatch.setattr("livecam.cli.devices.pipewire_output", lambda: None)
    assert "No camera was found" in call("cameras").output
    assert json.loads(call("outputs", "--json").output) == []
    formats = (CameraFormat("MJPG", Size(1280, 720), (30.0, 15.0)), CameraFormat("YUYV", Size(640, 480), ()))
    camera = CameraInfo(2, "HD [red]Webcam", "/dev/video2", formats=formats, problem="busy")
    output = OutputInfo("/dev/video10", "livecam", "v4l2 loopback", "v4l2loopback", ready=True, fed_by="obs (1)")
    monkeypatch.setattr("livecam.cli.devices.list_cameras", lambda: (camera,))
    monkeypatch.setattr("livecam.cli.devices.list_outputs", lambda: (output,))
    shown = call("cameras").output
    assert "2\tHD [red]Webcam\t/dev/video2\tMJPG 1280x720@30, YUYV 640x480\tMJPG 1280x720 at 30 fps (" in shown
    assert "\tbusy" in shown
    assert "the size that was asked for" in json.loads(call("cameras", "--json").output)[0]["chosen"]
    assert json.loads(call("cameras", "--json").output)[0]["formats"][0]["fps"] == [30.0, 15.0]
    assert "/dev/video10\tlivecam\tv4l2 loopback\tfed by obs (1)" in call("outputs").output
    assert json.loads(call("outputs", "--json").output)[0]["free"] is False
    pipewire = OutputInfo("pipewire", "livecam", "PipeWire", "pipewire", ready=True)
    monkeypatch.setattr("livecam.cli.devices.pipewire_output", lambda: pipewire)
    assert call("outputs").output.splitlines()[2] == "pipewire\tlivecam\tPipeWire\tfree\t"


def test_tables_on_a_terminal_keep_brackets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert output_module.sys.stdout.isatty()  # type: ignore[attr-defined]
    print_rows(("name",), [("a [red]b",)], "none")
    assert "a [red]b" in capsys.readouterr().out


def test_models_status_and_fetch(tmp_path: Path) -> None:
    result = call("models", "status", "--json")
    assert result.exit_code == 1
    assert {row["status"] for row in json.loads(result.output)} == {"absent"}
    assert "absent" in call("models", "status").output
    wrong = tmp_path / "wrong.whl"
    wrong.write_bytes(b"x")
    result = call("models", "fetch", "--from", wrong)
    assert result.exit_code == 1
    assert "wrong.whl" in result.stderr


def test_doctor(tmp_path: Path) -> None:
    result = call("doctor", "--json", "--source", "synthetic", "--sink", "null")
    told = json.loads(result.output)
    assert result.exit_code == (0 if told["ok"] else 1)
    assert {"check", "status", "finding", "next_step"} == set(told["checks"][0])
    bad = call("doctor", "--source", f"file:{tmp_path / 'no.mp4'}", "--sink", "null")
    assert bad.exit_code == 1
    assert "will not work" in bad.output
    assert "fail  source: There is no file" in bad.output


def test_doctor_lives_with_a_broken_configuration(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[sorce]")
    result = call("doctor", "--config", tmp_path / "bad.toml", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["checks"][0]["status"] == "fail"
    assert "sorce" in told["checks"][0]["finding"]
    assert len([check for check in told["checks"] if check["check"] == "config"]) == 1


def changed(**change: object) -> Status:
    values = {name: getattr(STATUS, name) for name in Status.__dataclass_fields__}
    return Status(**(values | change))


def test_the_line_says_how_the_wearer_is_told_from_others() -> None:
    assert "wearer" not in line(STATUS).plain
    assert line(changed(wearer="recognised by sface")).plain.endswith("cpu  wearer: recognised by sface")


def test_the_line_calls_the_weaker_rule_weak_and_makes_it_stand_out() -> None:
    def yellow(text: Text) -> list[str]:
        return [text.plain[span.start : span.end] for span in text.spans if "yellow" in str(span.style)]

    told = "  wearer: told by its look (weak: no recogniser)"
    weak = changed(wearer=EdgeLook.told)
    assert line(weak).plain.endswith(f"cpu{told}")
    assert plain(weak).endswith(f"cpu{told}"), "without a terminal too"
    assert (yellow(line(weak)), yellow(line(changed(wearer="recognised by sface")))) == ([told], [])


def test_status_line_is_loud_where_it_must_be() -> None:
    assert line(STATUS).plain == "live       30.0 fps  age 18/31 ms  sound +35 ms  drops 3  ann  cpu"
    open_face = line(changed(mode="passthrough"))
    assert open_face.plain.startswith(" PASSTHROUGH: YOUR OWN FACE IS SENT ")
    assert "red" in str(open_face.spans[0].style)
    slate = line(changed(showing="slate", note="No [b]camera[/b]", state="degraded")).plain
    assert slate.endswith("slate  No [b]camera[/b]")
    assert line(changed(tier="full quality")).plain == line(STATUS).plain
    assert line(changed(tier="mask off")).plain.endswith("cpu  mask off")


def test_plain_lines_come_every_five_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(status_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    with shown(True) as show:
        for _ in range(81):
            show(STATUS)
            now[0] += 0.125
        show(changed(sinks=("null", "web:http://127.0.0.1:1/?token=x")))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Sending to null"
    assert lines[-2] == "Sending to null, web:http://127.0.0.1:1/?token=x"
    assert "framerate=60 fflags=nobuffer" in lines[-1], "what to enter in OBS"
    assert len(lines) == 6


def test_what_to_enter_in_obs_is_told_once_in_the_order_of_the_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    ports = [str(port) for port in range(5000, 5008)]
    first, all_of_them = (tuple(f"stream:udp://127.0.0.1:{port}" for port in some) for some in (ports[:1], ports))
    with shown(False) as show:
        show(changed(sinks=first))
        show(changed(sinks=all_of_them))
    hints = [line for line in capsys.readouterr().out.splitlines() if "Input udp" in line]
    assert [port for hint in hints for port in ports if f":{port} " in hint] == ports


def test_a_journal_that_others_may_read_is_given_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    with shown(True) as show:
        show(changed(sinks=("web:http://127.0.0.1:1/?token=a-b_c9 (preview)",), panel="http://127.0.0.1:2/?token=d-e"))
    told = capsys.readouterr().out
    assert "Control panel: http://127.0.0.1:2/?token=..." in told
    assert "Sending to web:http://127.0.0.1:1/?token=... (preview)" in told
    assert "a-b_c9" not in told
    assert "d-e" not in told


def test_live_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    with shown(True) as show:
        show(STATUS)
    told = capsys.readouterr().out
    assert "Sending to null" in told
    assert "30.0 fps" in told


def test_progress_elsewhere_is_a_line_a_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown() as progress:
        for done in range(101):
            progress.update("fetching", done, 100)
        progress.update("converting", 0, 0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["fetching: 0 %", "fetching: 10 %"]
    assert lines[-1] == "converting"
    assert len(lines) == 12


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_shown() as progress:
        progress.update("fetching", 1, 2)
        progress.update("converting", 0, 0)
    capsys.readouterr()


@pytest.mark.parametrize("start", [start_log, start_daemon_log])
def test_log_goes_where_it_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    start: Callable[[LogConfig], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_writer, "END_S", UNHURRIED_S)
    start(LogConfig(LogLevel.INFO, tmp_path / "log.txt"))
    logging.getLogger("livecam.x").info("hello")
    flush_log()
    assert "INFO MainThread livecam.x: hello" in (tmp_path / "log.txt").read_text()
    start(LogConfig(LogLevel.WARNING, None))
    logging.getLogger("livecam.x").info("quiet")
    logging.getLogger("livecam.x").warning("loud [b]")
    flush_log()
    told = capsys.readouterr()
    assert told.out == ""
    assert "loud [b]" in told.err
    assert "quiet" not in told.err
    with pytest.raises(ConfigError, match="cannot be written"):
        start(LogConfig(LogLevel.INFO, tmp_path))


@pytest.mark.parametrize("start", [start_log, start_daemon_log])
def test_log_on_a_terminal_is_not_told_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], start: Callable[[LogConfig], None]
) -> None:
    monkeypatch.setattr(log_writer, "END_S", UNHURRIED_S)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    start(LogConfig(LogLevel.WARNING, None))
    logging.getLogger("livecam.x").warning("loud [b]")
    flush_log()
    told = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
    assert "loud [b]" in told
    assert told.count("WARNING") == 1


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "livecam", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL)


def test_real_process(tmp_path: Path) -> None:
    assert process("--version").stdout.startswith("livecam, version")
    bad = process("config", "show", "--fps", "x")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("--fps must be a number")
    assert process("nonsense").returncode == 2
    (tmp_path / "p.png").write_bytes(encoded())
    assert "nobody" in process("faces", "list").stdout


BROKEN = """
import sys
for name in ("cv2", "onnx", "onnxruntime", "av", "uvicorn", "starlette", "pyvirtualcam", "psutil"):
    sys.modules[name] = None
from livecam.cli import main
main()
"""


def test_doctor_works_where_no_vendor_library_loads() -> None:
    """That is when it is needed most."""
    command = [sys.executable, "-c", BROKEN, "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 1, done.stderr
    failed = {check["check"] for check in json.loads(done.stdout)["checks"] if check["status"] == "fail"}
    assert {"opencv", "providers"} <= failed


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_interrupt_at_a_prompt(tmp_path: Path) -> None:
    import pty

    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "livecam", "faces", "add", "ann", str(photo(tmp_path))]
    # A shell tells what runs in the background to ignore it, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal)
    signal.signal(signal.SIGINT, before)
    os.close(terminal)
    seen = b""
    while b"face be worn?" not in seen and select.select([controller], [], [], 90)[0]:
        seen += os.read(controller, 4096)
    # A signal between the prompt and the read that waits for the answer is seen when the read returns: press again.
    for _ in range(30):
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=10)
            break
    assert child.returncode == 130
    with contextlib.suppress(OSError):
        seen += os.read(controller, 4096)
    os.close(controller)
    assert b"face be worn?" in seen
    assert b"Traceback" not in seen


def test_sentence_of_an_error_has_no_markup() -> None:
    @root.command("fails", hidden=True)
    def fails() -> None:
        raise LivecamError("What [red]happened[/red].", "Next.")

    try:
        result = call("fails")
    finally:
        del root.commands["fails"]
    assert (result.exit_code, result.stderr) == (1, "What [red]happened[/red]. Next.\n")
