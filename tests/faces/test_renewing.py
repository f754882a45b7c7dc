"""A consent given anew, and the folder of an older livecam that becomes one of this version by it."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from livecam.core.persona import EVERY_SCOPE, Basis, Scope
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces.consent_terms import stamped
from livecam.faces.consents import Change, Consents
from livecam.faces.library import PersonaLibrary
from livecam.faces.renewing import renew
from livecam.faces.worn import WornAs
from tests.damage import damage
from tests.faces.doubles import FakePreparer, encoded, photo

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Shelf:
    """A folder of personas."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.now = folder, folder / "personas", NOW
        self.consents = Consents(self.root, now=lambda: self.now)
        self.preparer = FakePreparer()
        self.library = PersonaLibrary(self.root, {"mesh": self.preparer}, folder / "cache")

    def renew(self, name: str = "ann", **change: object) -> None:
        renew(self.root, name, Change(**change), self.consents)  # type: ignore[arg-type]

    def old(self, name: str = "old", basis: str = "self") -> list[bytes]:
        """Lay out a persona as an older livecam kept it; its photos."""
        photos = [encoded(value=70), encoded(".jpg", value=80)]
        folder = self.root / name
        (folder / "photos").mkdir(parents=True)
        (folder / "prepared" / "mesh").mkdir(parents=True)
        (folder / "prepared" / "mesh" / "mesh.npz").write_bytes(b"a face")
        files = ["01.png", "02.jpg"]
        for file, data in zip(files, photos, strict=True):
            (folder / "photos" / file).write_bytes(data)
        digests = [hashlib.sha256(data).hexdigest() for data in photos]
        about = {"format": 1, "added": "2025-02-03T04:05:06+00:00"}
        rows = [{"file": file, "sha256": digest} for file, digest in zip(files, digests, strict=True)]
        (folder / "persona.json").write_text(json.dumps({**about, "photos": rows}))
        consent = {"basis": basis, "subject": "Olga", "recorded": "2025-02-03T04:05:06+00:00", "photo_digests": digests}
        (folder / "consent.json").write_text(json.dumps(consent))
        self.library.wear_as(name, WornAs(blend=0.25))
        return photos


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_what_is_not_said_stays_and_the_record_is_later_than_the_one_before(shelf: Shelf) -> None:
    shelf.library.add("ann", [photo(shelf.folder)], Basis.WRITTEN, "Ann", scope=frozenset({Scope.STILL}))
    before = shelf.consents.read("ann")
    shelf.now = NOW - timedelta(days=300)  # set back
    shelf.renew(subject="Ann E.")
    after = shelf.consents.read("ann")
    assert (after.basis, after.subject) == (Basis.WRITTEN, "Ann E.")
    assert after.scope == {Scope.STILL}
    assert after.photo_digests == before.photo_digests
    assert after.changed > before.changed
    revoked = shelf.consents.revoke("ann")
    assert shelf.consents.revoke("ann") == revoked, "once"
    assert revoked.changed > after.changed
    shelf.renew()
    again = shelf.consents.read("ann")
    assert again.revoked == ""
    assert again.changed > revoked.changed
    shelf.renew(basis=Basis.SELF)
    assert shelf.consents.read("ann").scope == EVERY_SCOPE, "what is usual on the other ground"


def test_where_the_end_has_passed_a_new_one_must_be_said(shelf: Shelf) -> None:
    shelf.library.add("ann", [photo(shelf.folder)], Basis.SELF, expires=stamped(NOW))
    with pytest.raises(ConsentRefused, match=r"had an end, which has passed.*--expires"):
        shelf.renew()
    shelf.renew(expires=stamped(NOW + timedelta(days=1)))
    shelf.renew()
    assert shelf.consents.read("ann").expires == stamped(NOW + timedelta(days=1))
    shelf.renew(expires="")
    assert shelf.consents.read("ann").expires == ""


def test_a_record_that_cannot_be_believed_needs_a_ground_and_photos_that_are_the_same(shelf: Shelf) -> None:
    shelf.library.add("ann", [photo(shelf.folder)], Basis.WRITTEN, "Ann")
    path = shelf.root / "ann" / "consent.json"
    for text in (b"", path.read_bytes().replace(b"Ann", b"Eve")):
        path.write_bytes(text)
        with pytest.raises(ConsentRefused, match="not known on what ground"):
            shelf.renew()
        shelf.renew(basis=Basis.LICENSED)
        assert shelf.library.show("ann").problem == ""
        assert shelf.consents.read("ann").subject == ""
    damage(shelf.root / "ann" / "photos" / "01.png.sealed")
    with pytest.raises(PersonaError, match="was changed after it was added"):
        shelf.renew(basis=Basis.SELF)


def test_nobody_is_not_renewed_and_no_name_leads_outside(shelf: Shelf) -> None:
    for name, told in (("nobody", "nobody has to consent"), ("../x", "cannot be a persona's name"), ("eve", "read")):
        with pytest.raises(PersonaError, match=told):
            shelf.renew(name)
    shelf.library.add("ann", [photo(shelf.folder)], Basis.SELF)
    (shelf.root / "ann").rename(shelf.folder / "elsewhere")
    (shelf.root / "ann").symlink_to(shelf.folder / "elsewhere")
    for act in (shelf.consents.read, shelf.consents.revoke):
        with pytest.raises(PersonaError, match="is a link"):
            act("ann")
    assert shelf.consents.stamp("ann") is None


def test_a_persona_of_an_older_livecam_is_refused_and_kept_by_renewing(shelf: Shelf) -> None:
    photos = shelf.old()
    with pytest.raises(PersonaError, match=r"not encrypted, its consent not signed\. Keep it: .*consent old --renew"):
        shelf.library.load("old")
    done = renew(shelf.root, "old", Change(), shelf.consents)
    assert done.migrated
    entry = shelf.library.show("old")
    assert (entry.added, entry.problem) == ("2025-02-03T04:05:06+00:00", "")
    assert entry.consent == shelf.consents.read("old") == done.consent
    assert (done.consent.basis, done.consent.subject) == (Basis.SELF, "Olga")
    assert [kept.data for kept in shelf.library.photos("old")] == photos
    assert shelf.library.worn_as("old") == WornAs(blend=0.25)
    shelf.library.load("old")
    left = {
        path.relative_to(shelf.root).as_posix(): path.read_bytes() for path in shelf.root.rglob("*") if path.is_file()
    }
    assert not any(name.endswith((".png", ".jpg", ".npz")) for name in left)
    assert not any(data[:30] in content for data in photos for content in left.values())
    assert not renew(shelf.root, "old", Change(), shelf.consents).migrated


def test_an_older_one_without_a_ground_needs_one_and_nothing_is_lost_meanwhile(shelf: Shelf) -> None:
    shelf.old(basis="unstated")
    before = sorted(path.name for path in (shelf.root / "old").rglob("*"))
    with pytest.raises(ConsentRefused, match="--basis self"):
        shelf.renew("old")
    assert sorted(path.name for path in (shelf.root / "old").rglob("*")) == before
    (shelf.root / "old" / "consent.json").write_text("[" * 10_000)
    shelf.renew("old", basis=Basis.WRITTEN)
    assert shelf.library.show("old").problem == ""


def test_changed_photos_of_an_older_one_are_not_kept(shelf: Shelf) -> None:
    shelf.old()
    place = shelf.root / "old" / "photos" / "02.jpg"
    place.write_bytes(b"another face")
    with pytest.raises(PersonaError, match=r"02\.jpg was changed after it was added"):
        shelf.renew("old")
    place.unlink()
    place.symlink_to(shelf.folder / "x")
    with pytest.raises(PersonaError, match=r"02\.jpg cannot be read: it is a link"):
        shelf.renew("old")
