"""What every picture of the studio carries, and that it is written whole or not at all."""

import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app.auditing import folder_of
from livecam.app.keys import mark_key
from livecam.app.provenance import manifest
from livecam.app.safety_files import ContentRefused
from livecam.app.stills import Stills, opening
from livecam.app.verify import verify_file
from livecam.config import Config, Policy
from livecam.core.frame import Image
from livecam.errors import ConfigError, ConsentRefused, ContractError, LivecamError, SinkGone, SinkLost
from livecam.faces.consents import Consents
from livecam.privacy.audit import AuditError
from tests.app.judging import NUDITY, shelf
from tests.app.judging import configured as judging
from tests.app.stills.opened import opened, persona, places, still


@pytest.fixture(autouse=True)
def no_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here looks at a face."""
    monkeypatch.setattr("livecam.app.mesh.Networks.ensure", lambda _: None)


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


def facts(folder: Path) -> list[dict[str, object]]:
    lines = [
        line for file in sorted(folder_of(places(folder)).glob("*.jsonl")) for line in file.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.fixture
def stills(tmp_path: Path) -> Iterator[Stills]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_label_mark_and_manifest_are_found_by_verify(tmp_path: Path, stills: Stills, suffix: str) -> None:
    pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")
    out = tmp_path / f"out{suffix}"
    said = stills.publish(still(), out, persona="nobody", what="swap")
    assert said == f"labelled, marked (session {stills.session:08x}), signed"
    verdict = verify_file(out, mark_key(places(tmp_path)))
    assert verdict.sessions == (stills.session,)
    assert verdict.labelled
    claim = manifest.read(out)
    assert claim is not None
    assert (claim.valid, claim.modified, claim.session) == (True, True, stills.session)
    assert read(out).shape == still().shape
    assert names(tmp_path) == [out.name]


def test_a_drawn_picture_says_that_it_was_drawn_and_a_swapped_one_that_it_is_a_composite(
    tmp_path: Path, stills: Stills
) -> None:
    pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")
    for what, source in (("slate", b"digitalsourcetype/trainedAlgo"), ("swap", b"compositeWithTrainedAlgo")):
        stills.publish(still(), tmp_path / f"{what}.png", what=what)
        assert source in (tmp_path / f"{what}.png").read_bytes()


def test_only_the_label_changes_a_picture_by_more_than_two_levels(tmp_path: Path) -> None:
    opened(tmp_path, label__shown="no").publish(still(), tmp_path / "out.png")
    change = read(tmp_path / "out.png").astype(int) - still()
    assert np.abs(change).max() <= 2
    assert np.array_equal(change.min(axis=2), change.max(axis=2)), "no colour is changed"


def test_the_policy_keeps_the_label_on_and_may_take_the_mark_away(tmp_path: Path) -> None:
    strict = opened(tmp_path, Policy(label_required=True), label__shown="no")
    assert strict.publish(still(), tmp_path / "a.png").startswith("labelled, marked")
    bare = opened(tmp_path, Policy(mark_enabled=False), label__shown="no")
    assert bare.publish(still(), tmp_path / "b.png").startswith("without a label, not marked")
    assert np.array_equal(read(tmp_path / "b.png"), still())


def test_a_test_says_so_even_without_a_label(tmp_path: Path) -> None:
    stills = opened(tmp_path, Policy(mark_enabled=False), label__shown="no")
    assert "TEST" in stills.publish(still(), tmp_path / "out.png", test=True)
    where = np.argwhere((read(tmp_path / "out.png") != still()).any(axis=2))
    assert where.min(axis=0)[0] > 300
    assert where.max(axis=0)[1] < 200


def test_the_audit_log_has_a_line_and_no_picture(tmp_path: Path, stills: Stills) -> None:
    stills.publish(
        still(), tmp_path / "out.png", persona="nobody", what="swap", told={"backend": "tiny", "seed": 3, "cosine": 0.7}
    )
    (line,) = (fact for fact in facts(tmp_path) if fact["event"] == "studio")
    wanted = {"command": "swap", "file": "out.png", "persona": "nobody", "backend": "tiny", "seed": 3, "cosine": 0.7}
    assert wanted.items() <= line.items()
    assert line["session"] == f"{stills.session:08x}"
    assert (line["label"], line["mark"], line["test"]) == (True, True, False)


def test_the_line_says_on_what_ground_a_persona_was_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    persona(tmp_path, "ann")
    stills = opened(tmp_path)
    # Whom its photos show is of no matter here.
    monkeypatch.setattr(stills, "_known", lambda photos, name: None)
    stills.likeness("ann")
    stills.publish(still(), tmp_path / "out.png", persona="ann", what="swap")
    stills.note("expand", "ann")
    stills.publish(still(), tmp_path / "restored.png", what="restore")
    shown, noted, restored = (fact for fact in facts(tmp_path) if fact["event"] == "studio")
    for line in (shown, noted):
        assert (line["basis"], line["scope"]) == ("written", "live,still")
        assert len(str(line["digest"])) == 64
    assert (restored["digest"], restored["basis"], restored["scope"]) == ("", "", "")


def test_without_a_log_that_must_be_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AuditError("The audit log cannot be written.", "Free some space.")

    monkeypatch.setattr("livecam.app.auditing.open_log", fails)
    with pytest.raises(AuditError):
        opened(tmp_path, Policy(audit_required=True)).publish(still(), tmp_path / "out.png")
    opened(tmp_path).publish(still(), tmp_path / "mine.png")
    assert names(tmp_path) == ["mine.png"]


def test_a_picture_that_exists_is_replaced_only_when_told(tmp_path: Path, stills: Stills) -> None:
    (tmp_path / "out.png").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"exists.*--replace"):
        stills.publish(still(), tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == b"mine"
    stills.publish(still(), tmp_path / "out.png", replace=True)
    assert read(tmp_path / "out.png").shape == still().shape
    assert names(tmp_path) == ["out.png"]


def test_what_a_killed_process_left_is_deleted_an_hour_later_and_nothing_else(tmp_path: Path, stills: Stills) -> None:
    old, young, other = ".studio-0123abcd-out.png", ".studio-0123abce-out.png", ".studio-notes-of-mine.txt"
    for name in (old, young, other):
        (tmp_path / name).write_bytes(b"half a picture")
    hours = time.time() - 7200
    for name in (old, other):
        os.utime(tmp_path / name, (hours, hours))
    stills.publish(still(), tmp_path / "out.png")
    assert names(tmp_path) == [young, other, "out.png"]


@pytest.mark.parametrize("at", ["write", "move"])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, stills: Stills, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    (tmp_path / "out.png").write_bytes(b"mine")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if at == "write":
        monkeypatch.setattr("os.fsync", full)
    else:
        monkeypatch.setattr("os.replace", full)
    with pytest.raises(SinkLost, match="the disk is full"):
        stills.publish(still(), tmp_path / "out.png", replace=True)
    assert (tmp_path / "out.png").read_bytes() == b"mine"
    assert names(tmp_path) == ["out.png"]


def test_what_must_be_signed_and_cannot_be_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("c2pa", reason="the policy refuses earlier without it")

    def fails(*_: object) -> None:
        raise LivecamError("The certificate has run out.")

    monkeypatch.setattr(manifest, "sign", fails)
    with pytest.raises(ConfigError, match="not signed: The certificate has run out"):
        opened(tmp_path, Policy(provenance_required=True)).publish(still(), tmp_path / "out.png")
    assert "not signed: The certificate has run out" in opened(tmp_path).publish(still(), tmp_path / "mine.png")
    assert names(tmp_path) == ["mine.png"]


def test_a_consent_that_ends_meanwhile_ends_the_picture(tmp_path: Path, stills: Stills) -> None:
    persona(tmp_path, "ann")
    stills.publish(still(), tmp_path / "one.png", persona="ann")
    Consents(places(tmp_path).personas).revoke("ann")
    with pytest.raises(ConsentRefused, match="taken back"):
        stills.publish(still(), tmp_path / "two.png", persona="ann")
    assert not (tmp_path / "two.png").exists()


def checking(tmp_path: Path) -> Config:
    return judging(shelf(tmp_path / "shelf"), safety__nudity=NUDITY)


def test_what_shows_nudity_neither_comes_in_nor_goes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stills = opened(tmp_path, config=checking(tmp_path))
    bright, dark = np.full((64, 64, 3), 240, np.uint8), np.full((64, 64, 3), 20, np.uint8)
    for name, image in (("bright.png", bright), ("dark.png", dark)):
        cv2.imwrite(str(tmp_path / name), image)
    assert np.array_equal(stills.source(tmp_path / "dark.png").image, dark)
    with pytest.raises(ContentRefused, match=r"bright\.png is refused: the content check saw nudity"):
        stills.source(tmp_path / "bright.png")
    with pytest.raises(ContentRefused, match="The picture that was made is refused"):
        stills.publish(bright, tmp_path / "out.png")
    monkeypatch.setattr(opening, "looks_of", lambda *_: (_ for _ in ()).throw(ConfigError("It is not here.")))
    with pytest.raises(ConfigError, match="not here"):
        opened(tmp_path, config=checking(tmp_path)).publish(dark, tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_what_is_no_picture_does_not_leave(tmp_path: Path, stills: Stills) -> None:
    for broken in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(ContractError):
            stills.publish(broken, tmp_path / "out.png")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="makes pictures"):
        stills.publish(still(), tmp_path / "out.mp4")
    with pytest.raises(SinkGone, match=r"do not fit into a \.webp file"):
        stills.publish(np.zeros((16, 16400, 3), np.uint8), tmp_path / "out.webp")
    assert names(tmp_path) == []


def test_nothing_that_a_camera_noted_is_taken_over(tmp_path: Path, stills: Stills) -> None:
    done, data = cv2.imencodeWithMetadata(
        ".jpg", still(), [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(b"Exif\0\0MM\0*\0\0\0\x08\0\0", np.uint8)]
    )
    assert done
    (tmp_path / "in.jpg").write_bytes(data.tobytes())
    assert b"Exif\0\0" in (tmp_path / "in.jpg").read_bytes()
    stills.publish(stills.source(tmp_path / "in.jpg").image, tmp_path / "out.jpg")
    assert b"Exif\0\0" not in (tmp_path / "out.jpg").read_bytes()
