"""What the parent does with a pickle: never opens it, and believes nothing that the child says."""

import hashlib
import json
import sys
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

import pytest

from livecam.errors import ExtraMissing, StudioError
from livecam.studio import convert as converting
from livecam.studio.convert import Converted, convert
from tests.studio.model_files import safetensors, write


class Child:
    """Stands for the process that reads the pickle."""

    def __init__(self, told: object, content: bytes | None = None, code: int = 0) -> None:
        self.told = json.dumps(told).encode() if not isinstance(told, bytes) else told
        self.content = safetensors({"a": (2,)}) if content is None else content
        self.code = code
        self.command: list[str] = []

    def __call__(self, command: list[str], **options: object) -> CompletedProcess[bytes]:
        self.command = command
        assert options["timeout"] == converting.LIMIT_S
        Path(command[-2]).write_bytes(self.content)
        return CompletedProcess(command, self.code, b"noise\n" + self.told + b"\n", b"")


@pytest.fixture(autouse=True)
def with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra was installed."""
    monkeypatch.setattr(converting, "find_spec", lambda _: object())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "eva.pt", b"a pickle")


def run(monkeypatch: pytest.MonkeyPatch, source: Path, child: Child) -> Converted:
    monkeypatch.setattr("subprocess.run", child)
    return convert(source, source.with_suffix(".safetensors"))


def refused(monkeypatch: pytest.MonkeyPatch, source: Path, child: Child) -> str:
    with pytest.raises(StudioError) as told:
        run(monkeypatch, source, child)
    assert sorted(path.name for path in source.parent.iterdir()) == ["eva.pt"], "nothing is left behind"
    return str(told.value)


def test_the_child_is_told_the_files_and_the_digest(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    child = Child({"tensors": 1, "alone": True})
    done = run(monkeypatch, source, child)
    assert done == Converted(source.with_suffix(".safetensors"), 1, len(child.content), True)
    assert child.command[:4] == [sys.executable, "-P", "-m", "livecam.studio.engines.converting"]
    assert child.command[4] == str(source)
    assert child.command[6] == hashlib.sha256(b"a pickle").hexdigest()
    assert sorted(path.name for path in source.parent.iterdir()) == ["eva.pt", "eva.safetensors"]


def test_what_the_child_wrote_is_checked(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    assert "not a sound safetensors" in refused(monkeypatch, source, Child({"tensors": 1}, b"PK not what it said"))


@pytest.mark.parametrize(
    "told", [{"failed": "It holds a program."}, {"failed": 3}, {}, [], b"", b"{", {"tensors": "1"}]
)
@pytest.mark.parametrize("code", [0, 1, -9])
def test_a_child_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, source: Path, told: object, code: int
) -> None:
    said = refused(monkeypatch, source, Child(told, code=code))
    assert "was not converted" in said
    assert ("It holds a program." in said) == (told == {"failed": "It holds a program."})


def test_success_is_not_believed_of_a_child_that_died(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    assert "ended before it was done" in refused(monkeypatch, source, Child({"tensors": 1}, code=-9))


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    def hang(*_: object, **__: object) -> None:
        raise TimeoutExpired("x", 1.0)

    monkeypatch.setattr("subprocess.run", hang)
    with pytest.raises(StudioError, match="longer than an hour"):
        convert(source, source.with_suffix(".safetensors"))
    assert not source.with_suffix(".safetensors").exists()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("x.safetensors", "y.safetensors"), "like no pickle"),
        (("x.py", "y.safetensors"), "like no pickle"),
        (("eva.pt", "y.bin"), "must be a new file"),
        (("eva.pt", "there.safetensors"), "must be a new file"),
        (("none.pt", "y.safetensors"), "No such file"),
        (("eva.pt", "none/y.safetensors"), "No such file"),
        (("empty.pt", "y.safetensors"), "is empty"),
    ],
)
def test_wrong_names_are_sentences(source: Path, names: tuple[str, str], told: str) -> None:
    write(source.parent / "there.safetensors", b"x")
    write(source.parent / "empty.pt", b"")
    with pytest.raises(StudioError, match=told):
        convert(source.parent / names[0], source.parent / names[1])


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    monkeypatch.setattr(converting, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match=r"livecam\[studio\]"):
        convert(source, source.with_suffix(".safetensors"))
