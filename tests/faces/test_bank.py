"""The bank: cards, thumbnails, drafts, and what may be changed."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.config import PresetName
from livecam.core.frame import Image
from livecam.core.persona import Basis
from livecam.errors import ConsentRefused, EngineError, PersonaError, PhotoRefused
from livecam.faces import drafts as drafts_module
from livecam.faces.bank import SHOT, FaceBank
from livecam.faces.consent_terms import stamped
from livecam.faces.consents import Change, Consents
from livecam.faces.favourites import Favourites, path_of
from livecam.faces.library import PersonaLibrary
from livecam.faces.portrait import VERSION
from livecam.faces.quality import PhotoJudge
from livecam.faces.renewing import renew
from livecam.faces.sealed import Sealer
from livecam.faces.vault import open_vault
from livecam.faces.worn import USUAL, WornAs, told_worn
from tests.faces.doubles import FakePreparer, Finder, encoded


class Bench:
    """A bank over drawn photos."""

    def __init__(self, folder: Path) -> None:
        self.finder, self.now_s = Finder(), 0.0
        self.root = folder / "personas"
        self.judge = PhotoJudge(self.finder)
        self.preparer = FakePreparer()
        nobody = self.finder.drawn(skin=(100, 100, 100))
        self.library = PersonaLibrary(
            self.root, {"mesh": self.preparer}, folder / "cache", lambda: nobody, judge=self.judge
        )
        self.favourites = Favourites(path_of(folder))
        self.bank = FaceBank(self.library, self.judge, self.favourites, lambda: self.now_s)

    def add(self, name: str = "ann", *pictures: bytes, replacing: bool = False) -> str:
        ids = [self.bank.draft(data, "x.png").id for data in pictures or (self.finder.drawn(),)]
        return self.bank.add(name, ids, Basis.SELF, "Ann E.", replace=replacing)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def shown(jpeg: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def test_cards_show_everybody(bench: Bench) -> None:
    assert bench.add() == "Added ann, made from 1 photo."
    bench.bank.favourite("ann", 3)
    bench.bank.change("ann", WornAs(PresetName.FAST, blend=0.5))
    nobody, ann = bench.bank.cards()
    assert (nobody.name, nobody.built_in, nobody.basis, nobody.favourite) == ("nobody", True, "synthetic", None)
    assert nobody.quality is not None
    assert (ann.name, ann.built_in, ann.photos, ann.basis, ann.subject) == ("ann", False, 1, "self", "Ann E.")
    assert (ann.problem, ann.favourite, ann.worn_as) == ("", 3, WornAs(PresetName.FAST, blend=0.5))
    assert ann.quality is not None
    assert ann.quality.pixels == pytest.approx(220, rel=0.05)
    assert ann.added


def test_cards_are_not_read_anew_until_something_changes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add()
    before = bench.bank.cards()
    with monkeypatch.context() as patch:
        patch.setattr(bench.library, "listed", lambda _: pytest.fail("read again"))
        assert bench.bank.cards() == before
    (bench.root / "ann" / "photos" / "01.png.sealed").write_bytes(encoded())
    assert "was changed after it was added" in bench.bank.cards()[1].problem
    bench.bank.remove("ann")
    assert [card.name for card in bench.bank.cards()] == ["nobody"]


def test_a_card_says_for_what_and_until_when_and_when_that_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    bench.bank = FaceBank(
        bench.library, bench.judge, bench.favourites, note=lambda event, **facts: notes.append(f"{event} {facts}")
    )
    bench.bank.add("ann", [bench.bank.draft(bench.finder.drawn(), "x.png").id], Basis.WRITTEN, "Ann E.")
    assert bench.bank.cards()[1].scope == ("live",)
    assert notes[0].startswith("consent-added {'persona': 'ann', 'basis': 'written', 'scope': 'live'")
    assert "Ann E." not in notes[0], "not whose face it is"
    soon = stamped(datetime.now(UTC) + timedelta(hours=1))
    renew(bench.root, "ann", Change(expires=soon), Consents(bench.root))
    assert (bench.bank.cards()[1].expires, bench.bank.cards()[1].problem) == (soon, "")
    later = datetime.now(UTC) + timedelta(hours=2)
    for place in ("livecam.faces.bank.utc_now", "livecam.faces.consent_terms.utc_now"):
        monkeypatch.setattr(place, lambda: later)
    assert "ended on" in bench.bank.cards()[1].problem
    with pytest.raises(ConsentRefused, match="on what ground"):
        bench.bank.add("bob", [bench.bank.draft(bench.finder.drawn(), "x.png").id], Basis.UNSTATED)


def test_thumbnails_show_the_face_and_are_kept(bench: Bench) -> None:
    bench.add()
    for name in ("ann", "nobody"):
        image = shown(bench.bank.thumbnail(name))
        assert image.shape[0] == image.shape[1] <= 256
        assert image[image.shape[0] // 2, image.shape[1] // 2].mean() > 95, "skin, not the grey around it"
    looks = bench.finder.looks
    again = FaceBank(bench.library, bench.judge, Favourites(bench.root / "none"))
    assert again.thumbnail("ann") == bench.bank.thumbnail("ann")
    assert bench.finder.looks == looks
    for name in ("eve", "../../etc"):
        with pytest.raises(PersonaError, match="There is no persona"):
            bench.bank.thumbnail(name)


def test_thumbnail_is_made_again_when_photos_change(bench: Bench) -> None:
    bench.add()
    before = bench.bank.thumbnail("ann")
    bench.add("ann", bench.finder.drawn(skin=(60, 90, 140)), replacing=True)
    assert bench.bank.thumbnail("ann") != before
    (bench.root / "ann" / "prepared" / "portrait.sealed").write_bytes(b"")
    assert bench.bank.thumbnail("ann").startswith(b"\xff\xd8")


def test_what_cannot_be_looked_at_can_still_be_worn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add()
    blind = PersonaLibrary(bench.root, {}, bench.root.parent / "other", encoded)
    card = FaceBank(blind, bench.judge, Favourites(bench.root / "none")).cards()[0]
    assert (card.quality, card.problem) == (None, "")

    def broken(_: Image) -> None:
        raise EngineError("no network")

    monkeypatch.setattr(bench.judge, "lenient", broken)
    monkeypatch.setattr(bench.library, "_cache", bench.root.parent / "third")
    assert bench.bank.cards()[0].quality is None
    with pytest.raises(PersonaError, match="no picture of 'nobody'"):
        bench.bank.thumbnail("nobody")


def test_a_draft_is_looked_at_and_refused_by_name(bench: Bench) -> None:
    draft = bench.bank.draft(bench.finder.drawn(height=150), "C:/fakepath/../me.png")
    assert "150 px tall" in draft.advice[0].replace("149", "150")
    assert 96 <= shown(draft.thumbnail).shape[0] <= 256
    with pytest.raises(PhotoRefused, match=r"^me\.png: No face"):
        bench.bank.draft(encoded(), "/photos/me.png")
    with pytest.raises(PhotoRefused, match=r"picture is no JPEG"):
        bench.bank.draft(b"text", "")
    with pytest.raises(PhotoRefused, match=r"big\.png is larger than 50 MB"):
        bench.bank.draft(bytes(50_000_001), "big.png")


def test_a_shot_of_the_camera_becomes_a_persona(bench: Bench) -> None:
    frame = shown(bench.finder.drawn())
    draft = bench.bank.draft_image(frame)
    assert bench.bank.add("me", [draft.id], Basis.SELF) == "Added me, made from 1 photo."
    with pytest.raises(PhotoRefused, match=SHOT):
        bench.bank.draft_image(np.zeros_like(frame))


def test_the_best_photo_comes_first_and_blurred_ones_are_left_out(bench: Bench) -> None:
    turned, front, blurred = bench.finder.drawn(yaw=30), bench.finder.drawn(), bench.finder.drawn(blur=3)
    said = bench.add("ann", turned, front, blurred)
    assert said.startswith("Added ann, made from 2 photos. Left out: x.png: It is blurred")
    assert bench.library.photos("ann")[0].data == front
    portrait = bench.library.portrait("ann")
    assert portrait is not None
    assert [round(quality.yaw) for quality in portrait.qualities] == [0, 30]


def test_drafts_are_few_and_for_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bench.finder.drawn()
    first = bench.bank.draft(data, "x.png").id
    bench.now_s = 31 * 60
    with pytest.raises(PersonaError, match="not there any more"):
        bench.bank.add("ann", [first], Basis.SELF)
    ids = [bench.bank.draft(data, "x.png").id for _ in range(21)]
    with pytest.raises(PersonaError, match="not there any more"):
        bench.bank.add("ann", ids[:1], Basis.SELF)
    monkeypatch.setattr(drafts_module, "MOST_BYTES", 2 * len(data))
    ids = [bench.bank.draft(data, "x.png").id for _ in range(3)]
    with pytest.raises(PersonaError, match="not there any more"):
        bench.bank.add("ann", ids[:1], Basis.SELF)
    bench.bank.add("ann", ids[1:2], Basis.SELF)
    with pytest.raises(PersonaError, match="not there any more"):
        bench.bank.add("bob", ids[1:2], Basis.SELF)
    with pytest.raises(PersonaError, match="at least one picture"):
        bench.bank.add("bob", [], Basis.SELF)


def test_a_name_that_is_taken_keeps_the_drafts(bench: Bench) -> None:
    bench.add()
    draft = bench.bank.draft(bench.finder.drawn(), "x.png").id
    with pytest.raises(PersonaError, match="already a persona 'ann'"):
        bench.bank.add("ann", [draft], Basis.SELF)
    assert bench.bank.add("bob", [draft], Basis.SELF)


def test_own_settings_survive_a_replacement_and_go_with_the_persona(bench: Bench) -> None:
    bench.add()
    assert bench.bank.change("ann", WornAs(blend=0.6, shape=0.3)) == "ann is worn with blend 0.6, shape 0.3."
    bench.bank.favourite("ann", 2)
    bench.add("ann", bench.finder.drawn(yaw=5), replacing=True)
    assert bench.bank.worn_as("ann") == WornAs(blend=0.6, shape=0.3)
    assert bench.favourites.name_of(2) == "ann"
    assert bench.bank.remove("ann") == "Removed ann."
    assert bench.favourites.all() == {}
    bench.add()
    assert bench.bank.worn_as("ann") == USUAL


def test_the_built_in_one_has_settings_too(bench: Bench) -> None:
    bench.bank.change("nobody", WornAs(shape=0.1))
    assert bench.bank.worn_as("nobody") == WornAs(shape=0.1)
    assert bench.bank.cards()[0].worn_as == WornAs(shape=0.1)
    assert [card.name for card in bench.bank.cards()] == ["nobody"]
    assert bench.bank.favourite("nobody", 1) == "nobody is on 1."
    assert bench.bank.favourite("nobody", None) == "nobody is on no number."
    with pytest.raises(PersonaError, match="no persona 'eve'"):
        bench.bank.favourite("eve", 1)
    with pytest.raises(PersonaError, match="no persona 'eve'"):
        bench.bank.change("eve", USUAL)


def test_damaged_settings_do_not_hide_the_card(bench: Bench) -> None:
    bench.add()
    (bench.root / "ann" / "worn.json").write_text("{")
    assert bench.bank.cards()[1].worn_as == USUAL
    with pytest.raises(PersonaError, match="cannot be used"):
        bench.bank.worn_as("ann")


def test_a_forged_portrait_is_made_again(bench: Bench) -> None:
    bench.add()
    bench.bank.cards()
    looks, digests = bench.finder.looks, [photo.digest for photo in bench.library.photos("ann")]
    sealer = Sealer(open_vault(bench.root.parent), "ann")
    for text in ("[]", "{}", "[1]", '[{"pixels": "x"}]'):
        role = "\n".join(["prepared portrait", VERSION, *digests])
        sealer.keep(bench.root / "ann" / "prepared" / "portrait.sealed", text.encode(), role)
        assert bench.bank.cards()[1].quality is not None
    assert bench.finder.looks == looks + 4


def test_any_thread_may_ask(bench: Bench) -> None:
    data, errors = bench.finder.drawn(), []

    def work(name: str) -> None:
        try:
            bench.bank.add(name, [bench.bank.draft(data, "x.png").id], Basis.SELF)
            bench.bank.cards()
        except PersonaError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(bench.bank.cards()) == 5


def test_settings_are_told_in_words() -> None:
    assert told_worn(USUAL) == "as all others are"
    own = WornAs(PresetName.QUALITY, 0.5, 0.25, 1.0)
    assert told_worn(own) == "with preset quality, blend 0.5, colour 0.25, shape 1"
    assert told_worn(replace(own, preset=None, blend=0.0)) == "with blend 0, colour 0.25, shape 1"
