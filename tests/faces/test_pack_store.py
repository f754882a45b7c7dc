"""The pack's file: sealed, bound to the photos, gone with the persona, and read as if an enemy had written it."""

import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.core.frame import Image
from livecam.core.persona import Basis
from livecam.errors import PersonaError
from livecam.faces.erasing import erase
from livecam.faces.favourites import Favourites
from livecam.faces.library import PersonaLibrary
from livecam.faces.pack import MOST_VIEWS, Origin
from livecam.faces.pack_store import PackStore, packed, unpacked
from livecam.vision.contract import IdentityKind
from livecam.vision.swap.angled import AngledPreparer
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.photo import FacePhoto
from livecam.vision.swap.preparer import Former, NeuralPreparer
from tests.damage import damage
from tests.faces.doubles import photo
from tests.faces.packs import KNOWN_BY, pack_of, vector, view
from tests.vision.swap.conftest import five_at

KEY = "inswapper_128"


class OneFace:
    """A detector that finds a face in the middle, whatever it is shown."""

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        five = five_at(image.shape[1] / 2, image.shape[0] / 2, 150)
        return [Detection(Box(0, 0, 150, 150), Landmarks(five, Topology.FIVE), 0.9)]


def maker(photos: Sequence[FacePhoto]) -> NeuralIdentity:
    return NeuralIdentity(IdentityKind.EMBEDDING, vector(99)[None], vector(99))


class Formed(Former):
    """Counts what it is asked for."""

    calls = 0

    def __call__(self, embedding: np.ndarray) -> np.ndarray:
        Formed.calls += 1
        return 2 * super().__call__(embedding)


Open = Callable[..., PersonaLibrary]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens the library of a place, with a preparer that looks at packs or one that does not."""

    def made(angles: bool = True, recogniser: str = KNOWN_BY.name) -> PersonaLibrary:
        inner = NeuralPreparer("v1", OneFace, lambda: maker)
        angled = AngledPreparer(inner, recogniser, KNOWN_BY.digest, Formed)
        return PersonaLibrary(tmp_path / "data" / "personas", {KEY: angled if angles else inner}, tmp_path / "cache")

    return made


@pytest.fixture
def library(opened: Open, tmp_path: Path) -> PersonaLibrary:
    made = opened()
    made.add("ann", [photo(tmp_path, width=400, height=400)], Basis.SELF)
    return made


PACK = pack_of(
    view(),
    view(1, 20.0, -3.25, Origin.WEBCAM),
    view(2, -20.0, 15.0, Origin.GENERATED, picture=b"\xff\xd8a picture"),
    view(3, 67.0, 0.0, Origin.GENERATED, 0.0, b"another"),
)


def worn(library: PersonaLibrary) -> NeuralIdentity:
    identity = library.load("ann").identity[KEY]
    assert isinstance(identity, NeuralIdentity)
    return identity


def test_a_pack_comes_back_as_it_was_kept(library: PersonaLibrary) -> None:
    store = PackStore(library.files("ann"))
    assert store.read() is None
    store.keep(PACK)
    found = store.read()
    assert found is not None
    assert (found.known_by, found.consent, found.made) == (PACK.known_by, PACK.consent, PACK.made)
    for one, other in zip(found.views, PACK.views, strict=True):
        assert np.array_equal(one.vector, other.vector)
        told = (other.angles, other.origin, other.weight, other.model, other.picture)
        assert (one.angles, one.origin, one.weight, one.model, one.picture) == told
    assert store.forget()
    assert not store.forget()
    assert store.read() is None


def test_it_is_sealed_and_private(library: PersonaLibrary) -> None:
    PackStore(library.files("ann")).keep(PACK)
    entry = library.show("ann")
    assert entry.folder is not None
    path = entry.folder / "prepared" / "pack.sealed"
    assert path.stat().st_mode & 0o777 == 0o600
    for secret in (b"a picture", b"webcam", PACK.views[0].vector.tobytes()[:16]):
        assert secret not in path.read_bytes()


def test_other_photos_and_another_persona_have_another_pack(library: PersonaLibrary, tmp_path: Path) -> None:
    PackStore(library.files("ann")).keep(PACK)
    ann = library.show("ann").folder
    bob = library.add("bob", [photo(tmp_path, "b.png", width=300, height=300)], Basis.SELF).entry.folder
    assert ann is not None
    assert bob is not None
    (bob / "prepared" / "pack.sealed").write_bytes((ann / "prepared" / "pack.sealed").read_bytes())
    with pytest.raises(PersonaError, match=r"'bob' was changed.*faces views"):
        PackStore(library.files("bob")).read()
    library.add("ann", [photo(tmp_path, "c.png", width=310, height=310)], Basis.SELF, replace=True)
    assert PackStore(library.files("ann")).read() is None


def test_erasing_takes_it_and_says_so(library: PersonaLibrary, tmp_path: Path) -> None:
    PackStore(library.files("ann")).keep(PACK)
    worn(library)
    receipt = erase(tmp_path / "data" / "personas", "ann", Favourites(tmp_path / "favourites.json"))
    names = {Path(gone.file).name for gone in receipt.files}
    assert {"pack.sealed", f"{KEY}-angles.sealed"} <= names


def test_it_is_worn_where_that_is_wanted_and_made_once(library: PersonaLibrary, opened: Open) -> None:
    plain = worn(library)
    assert plain.angled is None
    PackStore(library.files("ann")).keep(PACK)
    Formed.calls = 0
    identity = worn(opened())
    assert identity.angled is not None
    assert np.allclose(identity.angled.rows, 2 * PACK.vectors(), atol=1e-6)
    assert identity.source is identity.angled.sources[0]
    assert np.array_equal(identity.embedding, PACK.vectors()[0])
    # The base, and the bins that have a view of some weight.
    assert Formed.calls == 4
    again = worn(opened())
    assert Formed.calls == 4, "what was formed is kept"
    assert again.angled is not None
    assert np.array_equal(again.angled.rows, identity.angled.rows)
    assert worn(opened(angles=False)).source.tobytes() == plain.source.tobytes(), "with the switch off it is as before"
    assert worn(opened(angles=False)).angled is None


def test_a_changed_pack_is_prepared_anew(library: PersonaLibrary, opened: Open) -> None:
    store = PackStore(library.files("ann"))
    store.keep(PACK)
    before = worn(library)
    store.keep(pack_of(view(), view(9, 20.0, 0.0, Origin.WEBCAM)))
    after = worn(opened())
    assert before.angled is not None
    assert after.angled is not None
    assert not np.array_equal(before.angled.rows, after.angled.rows)
    store.forget()
    assert worn(opened()).angled is None


def test_a_pack_of_another_recogniser_is_not_used(
    library: PersonaLibrary, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    PackStore(library.files("ann")).keep(PACK)
    with caplog.at_level(logging.WARNING):
        assert worn(opened(recogniser="sface")).angled is None
    assert "made with arcface_w600k_r50, and the swapper here knows people by sface" in caplog.text


def test_a_damaged_pack_is_told_and_the_persona_is_worn_without(
    library: PersonaLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    store = PackStore(library.files("ann"))
    store.keep(PACK)
    path = library.files("ann").home.path("pack")
    damage(path)
    with caplog.at_level(logging.WARNING):
        assert worn(library).angled is None
    assert "ann is worn without its identity pack" in caplog.text
    with pytest.raises(PersonaError, match=r"faces views NAME --forget"):
        store.read()
    assert store.forget()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_disk_that_refuses_is_told(library: PersonaLibrary) -> None:
    store = PackStore(library.files("ann"))
    library.files("ann").home.path("pack").parent.chmod(0o500)
    with pytest.raises(PersonaError, match="cannot be written"):
        store.keep(PACK)


def test_more_than_a_pack_holds_is_not_kept(library: PersonaLibrary) -> None:
    store = PackStore(library.files("ann"))
    with pytest.raises(PersonaError, match="are the most"):
        store.keep(pack_of(*[view()] * (MOST_VIEWS + 1)))
    with pytest.raises(PersonaError, match="none of its views was seen"):
        store.keep(pack_of(view(origin=Origin.GENERATED)))
    assert store.read() is None


def changed(**head: object) -> bytes:
    """The pack's bytes with another head."""
    line, _, body = packed(PACK).partition(b"\n")
    return json.dumps({**json.loads(line), **head}).encode() + b"\n" + body


def changed_view(**what: object) -> bytes:
    views = json.loads(packed(PACK).partition(b"\n")[0])["views"]
    return changed(views=[{**views[0], **what}, *views[1:]])


def with_vector(value: float) -> bytes:
    line, _, body = packed(PACK).partition(b"\n")
    return line + b"\n" + np.full(512, value, "<f4").tobytes() + body[2048:]


HOSTILE = {
    "nothing": b"",
    "no JSON": b"\xff\xfe\n",
    "deep": b"[" * 100_000 + b"\n",
    "a list": b"[]\n",
    "no views": changed(views=[]),
    "views are no list": changed(views={"a": 1}),
    "a digest is none": changed(digest="A" * 64),
    "a consent is none": changed(consent="x"),
    "a long name": changed(recogniser="x" * 101),
    "a name with a line": changed(recogniser="x\ny"),
    "an origin": changed_view(origin="heaven"),
    "a real view counts more": changed_view(weight=1.5),
    "a generated one counts 1": changed_view(origin="generated", weight=1.0),
    "a weight is negative": changed_view(weight=-0.1),
    "a yaw is a text": changed_view(yaw="1"),
    "a yaw is huge": changed_view(yaw=1e9),
    "a pitch is no number": changed_view(pitch=0).replace(b'"pitch": 0,', b'"pitch": NaN,', 1),
    "a picture of what was seen": changed_view(picture=4),
    "a picture is negative": changed_view(picture=-4),
    "bytes too many": packed(PACK) + b"x",
    "bytes too few": packed(PACK)[:-1],
    "half a vector": packed(PACK).partition(b"\n")[0] + b"\n" + bytes(100),
    "a vector of nothing": with_vector(0.0),
    "a vector of no numbers": with_vector(float("nan")),
    "a vector too long": with_vector(1.0),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_pack_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says another thing
        unpacked(content)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 8000), st.binary(min_size=1, max_size=8))
def test_whatever_is_changed_it_is_a_pack_or_refused(place: int, change: bytes) -> None:
    content = bytearray(packed(PACK))
    content[place : place + len(change)] = change
    try:
        found = unpacked(bytes(content))
    except ValueError:
        return
    assert all(abs(float(np.linalg.norm(one.vector)) - 1) < 2e-3 for one in found.views)
