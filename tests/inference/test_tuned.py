"""What was measured is believed where it was measured, and nowhere else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.errors import ConfigError
from livecam.inference import tuned as tuned_module
from livecam.inference.backends import Backend
from livecam.inference.tuned import SCHEMA, Choice, place_of, read_tuned, write_tuned
from tests.inference.computers import RTX_3060, PretendComputer, card

PLACE = {"card": "one", "onnxruntime": "1.31"}
CHOICE = Choice(Backend.CUDA, 0, 3.25, 0.001, "ab")


def test_choices_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tuned.json"
    write_tuned(path, PLACE, {"swapper": CHOICE})
    write_tuned(path, PLACE, {"detector": replace(CHOICE, backend=Backend.CPU, threads=3)})
    tuned = read_tuned(path, PLACE)
    assert tuned.note == ""
    assert tuned.choice("swapper", "ab") == CHOICE
    assert tuned.choices["detector"].threads == 3
    assert path.stat().st_mode & 0o077 == 0


def test_a_choice_is_for_one_file_of_the_network(tmp_path: Path) -> None:
    write_tuned(tmp_path / "tuned.json", PLACE, {"swapper": CHOICE})
    tuned = read_tuned(tmp_path / "tuned.json", PLACE)
    assert tuned.choice("swapper", "cd") is None
    assert tuned.choice("absent", "ab") is None


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({**PLACE, "card": "two"}, "card was one"),
        ({**PLACE, "onnxruntime": "1.32"}, "onnxruntime was 1.31"),
        ({**PLACE, "tensorrt": "11"}, "tensorrt was not there"),
        ({"card": "one"}, "onnxruntime was 1.31"),
    ],
)
def test_what_has_changed_makes_it_stale_and_is_told(tmp_path: Path, place: dict[str, str], told: str) -> None:
    path = tmp_path / "tuned.json"
    write_tuned(path, PLACE, {"swapper": CHOICE})
    tuned = read_tuned(path, place)
    assert not tuned.choices
    assert told in tuned.note
    assert tuned.next_step == "Measure again: livecam engines tune"
    write_tuned(path, place, {"detector": CHOICE})
    assert list(read_tuned(path, place).choices) == ["detector"]


ENTRY = {"backend": "cuda", "threads": 0, "median_ms": 3.0, "error": 0, "weights": "ab"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "does not hold"),
        ('{"schema": 99, "place": {}, "choices": {}}', "another version"),
        (json.dumps({"schema": SCHEMA, "place": PLACE, "choices": {"a": {**ENTRY, "backend": "gpu"}}}), "'gpu'"),
        (json.dumps({"schema": SCHEMA, "place": PLACE, "choices": {"a": {**ENTRY, "threads": -1}}}), "is no choice"),
        (json.dumps({"schema": SCHEMA, "place": PLACE, "choices": {"a": 1}}), "is no choice"),
    ],
)
def test_a_damaged_file_is_passed_over(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "tuned.json"
    path.write_text(content)
    tuned = read_tuned(path, PLACE)
    assert not tuned.choices
    assert told in tuned.note
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read" in read_tuned(path, PLACE).note


def test_nothing_measured_is_no_fault(tmp_path: Path) -> None:
    tuned = read_tuned(tmp_path / "tuned.json", PLACE)
    assert (tuned.note, tuned.next_step) == (
        "It was not measured yet which backend is the quickest.",
        "livecam engines tune",
    )


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(ConfigError, match="LIVECAM_DATA"):
        write_tuned(tmp_path / "data" / "tuned.json", PLACE, {"swapper": CHOICE})


def test_the_place_is_the_card_its_driver_the_processor_and_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    here = place_of(PretendComputer(found=RTX_3060))
    assert here["card"] == "NVIDIA GeForce RTX 3060 (sm_86), CUDA 13.0"
    assert here["processor"]
    assert here["onnxruntime"]
    assert "tensorrt" not in here or here["tensorrt"]
    assert place_of(PretendComputer())["card"] == "none"
    assert place_of(PretendComputer(found=card(86, 13_010)))["card"].endswith("CUDA 13.1")
    monkeypatch.setattr(tuned_module, "_PACKAGES", ("no-such-package",))
    assert set(place_of(PretendComputer())) == {"card", "processor"}
