"""A persona's folder into which somebody else has put things: it is listed with its reason, and worn or refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from livecam.core.persona import Basis, Persona
from livecam.errors import LivecamError
from livecam.faces.library import PersonaLibrary
from tests.faces.doubles import FakePreparer, encoded, photo
from tests.fuzz.bounds import assert_sentence, bounded, files_below, mutated, outcome

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


def libraries(folder: Path) -> PersonaLibrary:
    return PersonaLibrary(
        folder / "data" / "personas", {"mesh": FakePreparer()}, folder / "cache", lambda: encoded(".jpg", value=90)
    )


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with one persona in it."""
    folder = tmp_path_factory.mktemp("sound")
    libraries(folder).add("ann", [photo(folder), photo(folder, "other.jpg", value=60)], Basis.SELF)
    return folder


def _gone(path: Path, _: Random) -> None:
    path.unlink()


def _damaged(path: Path, random: Random) -> None:
    path.write_bytes(mutated(path.read_bytes(), random))


def _empty(path: Path, _: Random) -> None:
    path.write_bytes(b"")


def _deep(path: Path, _: Random) -> None:
    path.write_bytes(b"[" * 100_000)


def _pipe(path: Path, _: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _endless(path: Path, _: Random) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _circle(path: Path, _: Random) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _elsewhere(path: Path, _: Random) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _folder(path: Path, _: Random) -> None:
    path.unlink()
    path.mkdir()


def _huge(path: Path, _: Random) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


TRICKS: dict[str, Callable[[Path, Random], None]] = {
    function.__name__.strip("_"): function
    for function in (_gone, _damaged, _empty, _deep, _pipe, _endless, _circle, _elsewhere, _folder, _huge)
}


@pytest.mark.parametrize("trick", TRICKS)
def test_whatever_became_of_a_file_it_is_worn_or_refused(trick: str, sound: Path, tmp_path: Path) -> None:
    files = [path.relative_to(sound) for path in sorted((sound / "data").rglob("*")) if path.is_file()]
    assert len(files) >= 4
    for number, file in enumerate(files):
        place = tmp_path / str(number)
        shutil.copytree(sound / "data", place / "data", symlinks=True)
        TRICKS[trick](place / file, Random(number))
        before = files_below(place.parent) - files_below(place)
        with bounded():
            library = libraries(place)
            for entry in library.entries():
                entry.problem.encode()
            worn = outcome(lambda library=library: library.load("ann"))  # type: ignore[misc]
        assert isinstance(worn, Persona | LivecamError)
        assert files_below(place.parent) - files_below(place) >= before, "nothing outside is touched"


NAMES = [b"\xff\xfe", b"a\nb", b"..x", b"-x", "\u202eann".encode(), b"Nobody", b"a b", b"a" * 200, b"\x1b[31m"]


def test_folders_of_any_name_are_listed_with_a_sentence(tmp_path: Path) -> None:
    root = tmp_path / "data" / "personas"
    for name in NAMES:
        os.makedirs(os.path.join(os.fsencode(root), name))
    entries = libraries(tmp_path).entries()
    assert len(entries) >= len(NAMES) - 1
    for entry in entries[1:]:
        assert entry.problem
        with pytest.raises(LivecamError) as caught:
            libraries(tmp_path).load(entry.name)
        assert_sentence(caught.value)
