"""What takes long to import is imported after the slate is out: no call should wait for it when the daemon restarts."""

import json
import subprocess
import sys

import pytest

SLOW = ("av", "onnx", "onnxruntime", "google.protobuf", "starlette", "uvicorn", "rich", "psutil", "pyvirtualcam")
OTHER_COMMANDS = ("livecam.cli.bench_command", "livecam.cli.doctor_command", "livecam.doctor", "livecam.bench")

RUN = """
import json, os, sys, time
from livecam.inference import weights
from livecam.output.null import NullSink

weights.status = lambda *_: weights.Presence.PRESENT
loaded = {}

def opened(self, size, fps):
    loaded["open"] = sorted(sys.modules)

def sent(self, picture):
    time.sleep(0.2)  # ample for other threads to begin with imports of theirs
    print(json.dumps({**loaded, "sent": sorted(sys.modules)}), flush=True)
    os._exit(0)

NullSink.open, NullSink.send = opened, sent
from livecam.cli import main
sys.argv = ["livecam", "run", "--sink", "null", "--source", sys.argv[1], "--no-tty", "--seconds", "90"]
main()
"""


def answer(code: str, *arguments: str) -> object:
    command = [sys.executable, "-c", "import json\n" + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("source", ["synthetic", "camera:/dev/not-there"])
def test_the_first_picture_is_out_before_networks_and_codecs_are_imported(source: str) -> None:
    loaded = answer(RUN, source)
    assert isinstance(loaded, dict)
    for moment in ("open", "sent"):
        assert not {*SLOW, *OTHER_COMMANDS} & set(loaded[moment]), moment


def test_the_app_is_imported_without_networks_and_codecs() -> None:
    assert answer(f"import sys, livecam.app; print(json.dumps([m for m in {SLOW} if m in sys.modules]))") == []


def test_no_command_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, livecam.cli; print(json.dumps([m for m in sys.modules if m.startswith('livecam.cli.')]))"
    loaded = answer(code)
    assert isinstance(loaded, list)
    assert set(loaded) == {"livecam.cli.root", "livecam.cli.exits", "livecam.cli.output"}
