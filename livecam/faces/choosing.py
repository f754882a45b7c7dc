"""Which of many photos a persona is made of: those that can be used, the best ones, the best one first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.errors import ExtraMissing, LivecamError, PhotoRefused
from livecam.faces.photo import PERSONA_PIXELS, Photo, decode_photo, read_photo
from livecam.faces.prepared import Preparer
from livecam.faces.quality import SOFT, UNKNOWN, Judged, PhotoJudge

MOST_PHOTOS: Final = 20
MOST_FILES: Final = 200
"""That are looked at; a folder with more is no selection."""

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """A photo that may be used, not read yet.

    Attributes:
        name: For messages.
        read: Reads and decodes it; raises `PhotoRefused` or `ExtraMissing`.
    """

    name: str
    read: Callable[[], Photo]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that was looked at. It is decoded again when it is used: hundreds may be looked at.

    Attributes:
        name: For messages.
        data: The file.
        digest: SHA-256 of `data`, hex.
        judged: What it is worth; nothing where there is no judge.
    """

    name: str
    data: bytes
    digest: str
    judged: Judged

    def photo(self) -> Photo:
        """The photo, decoded."""
        return decode_photo(self.data, self.name, PERSONA_PIXELS)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    Attributes:
        best: At least one, at most `MOST_PHOTOS`, the best one first.
        skipped: Why the others were not, a sentence each.
    """

    best: tuple[Candidate, ...]
    skipped: tuple[str, ...]


def offers(paths: Sequence[Path]) -> list[Offer]:
    """The files at `paths`, and those in the folders among them; hidden ones and folders in folders are left out.

    Raises:
        PhotoRefused: There are none, or too many.
    """
    files = [file for path in paths for file in _files(path)]
    if not files:
        raise PhotoRefused(f"There are no photos in {', '.join(map(str, paths))}.", "Name photos, or a folder of them.")
    if len(files) > MOST_FILES:
        raise PhotoRefused(f"{len(files)} files were named, more than {MOST_FILES}.", "Name the best ones.")
    return [Offer(str(file), _reader(file)) for file in files]


def choose(offered: Iterable[Offer], judge: PhotoJudge | None) -> Choice:
    """The best of what can be used; as they come where there is no judge.

    Raises:
        PhotoRefused: Nothing can be used; the sentence says why.
        EngineError: A network failed.
    """
    found: list[Candidate] = []
    skipped: list[str] = []
    for offer in offered:
        try:
            found.append(_looked_at(offer, judge, found))
        except (PhotoRefused, ExtraMissing) as refusal:
            skipped.append(_naming(offer.name, refusal))
        if len(found) > MOST_PHOTOS:
            # The last of the worst, so that as they come means the first ones.
            worst = min(reversed(found), key=_mark)
            found.remove(worst)
            skipped.append(f"{worst.name}: {MOST_PHOTOS} other photos are as good or better.")
    if not found:
        raise _nothing(skipped)
    clear, blurred = _parted(sorted(found, key=_mark, reverse=True))
    return Choice(clear, (*skipped, *(f"{one.name}: It is blurred, and others are not." for one in blurred)))


def _looked_at(offer: Offer, judge: PhotoJudge | None, found: Sequence[Candidate]) -> Candidate:
    photo = offer.read()
    twin = next((other for other in found if other.digest == photo.digest), None)
    if twin is not None:
        raise PhotoRefused(f"{photo.name} is the same photo as {twin.name}.")
    judged = Judged(UNKNOWN, None) if judge is None else judge(photo.image, photo.name)
    return Candidate(photo.name, photo.data, photo.digest, judged)


def _parted(found: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Those that are used, and blurred ones, which would be mixed into what sharp ones show; all where all are."""
    sharp = tuple(one for one in found if one.judged.quality.sharpness >= SOFT)
    blurred = tuple(one for one in found if one.judged.quality.sharpness < SOFT)
    return (sharp, blurred) if sharp else (blurred, ())


def _mark(candidate: Candidate) -> float:
    return candidate.judged.quality.mark


def _naming(name: str, refusal: LivecamError) -> str:
    said = str(refusal)
    return said if name in said else f"{name}: {said}"


def _nothing(skipped: Sequence[str]) -> PhotoRefused:
    if len(skipped) == 1:
        return PhotoRefused(skipped[0])
    more = f" And {len(skipped) - _NAMED} more." if len(skipped) > _NAMED else ""
    return PhotoRefused(f"None of {len(skipped)} photos can be used. {' '.join(skipped[:_NAMED])}{more}")


def _files(path: Path) -> Iterator[Path]:
    try:
        if not path.is_dir():
            yield path
            return
        yield from sorted(file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir())
    except OSError as error:
        raise PhotoRefused(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None


def _reader(path: Path) -> Callable[[], Photo]:
    return lambda: read_photo(path, PERSONA_PIXELS)


def sifted(choice: Choice, preparers: Iterable[Preparer], refusal: PhotoRefused) -> Choice:
    """`choice` without the photos that one of `preparers` refuses by themselves.

    Raises:
        PhotoRefused: `refusal`, where that leaves nothing, or all of them: then it is how they go together.
    """
    refused: dict[str, str] = {}
    for candidate in choice.best:
        for preparer in preparers:
            try:
                preparer.prepare([candidate.photo().image], [candidate.name])
            except PhotoRefused as alone:
                refused[candidate.digest] = str(alone)
    if not 0 < len(refused) < len(choice.best):
        raise refusal
    left = tuple(candidate for candidate in choice.best if candidate.digest not in refused)
    return Choice(left, (*choice.skipped, *refused.values()))


def offered_bytes(pictures: Iterable[tuple[bytes, str]]) -> list[Offer]:
    """Files in memory, with their names."""
    return [Offer(name, _decoder(data, name)) for data, name in pictures]


def _decoder(data: bytes, name: str) -> Callable[[], Photo]:
    return lambda: decode_photo(data, name, PERSONA_PIXELS)
