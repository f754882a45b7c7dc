"""``livecam swap``: a picture or a video file through the very same pipeline as the camera.

>>> from pathlib import Path
>>> from livecam.app.convert import convert
>>> from livecam.config import load
>>> done = convert(load({"face.persona": "nobody"}).config, Path("in.mp4"), Path("out.mp4"))
>>> done.swapped, done.held, done.slated
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import av

from livecam.app.assemble import Assembly
from livecam.app.auditing import audit_once
from livecam.app.consented import AgreedProcessor, Agreement
from livecam.app.convert_clearing import Clearing, MediaTime
from livecam.app.convert_clip import Clip
from livecam.app.convert_doors import check_source, check_target, is_video
from livecam.app.convert_image import padded_to_even, size_of, swap_still, write_image
from livecam.app.convert_part import PartFolder, identity
from livecam.app.convert_summary import HELD, SLATED, SWAPPED, Conversion, Options, by_reason
from livecam.app.convert_video import WARM_UP_NS, Done, Work, convert_video
from livecam.app.disclosing import Disclosing
from livecam.app.overseeing import ReadPolicy
from livecam.app.permitted import converting, permitting
from livecam.app.provenance.signer import waited
from livecam.app.provenance.signing import signer_of
from livecam.app.safety_files import checked_file, leaving_nothing
from livecam.app.signals import stopping_on_signals
from livecam.config import SETTINGS, Config, Paths
from livecam.config.policy_file import installed
from livecam.core.frame import NS_PER_MS, Picture, Size
from livecam.core.persona import Scope
from livecam.core.seams import Processor
from livecam.core.settings import Mode, SetMode, Settings, apply
from livecam.errors import ConfigError, PhotoRefused, SinkGone, SourceError
from livecam.faces.photo import Photo, read_photo
from livecam.inference.progress import Progress, Silent
from livecam.privacy.gate import Gate
from livecam.privacy.slate import draw_slate, load_slate, to_picture

__all__ = ["SETTINGS_USED", "Conversion", "Options", "convert"]

_SECTIONS: Final = ("face", "people", "models", "neural", "label", "provenance", "safety")
_SLATE: Final = ("privacy.slate_text", "privacy.slate_picture")
_FOR_LOAD: Final = ("neural.small_enhancer", "safety.clear_s")
"""What a conversion has no use for: it takes the time it takes, and is refused as a whole."""

SETTINGS_USED: Final = tuple(
    key
    for key in SETTINGS.values()
    if (key.section in _SECTIONS and key.path not in _FOR_LOAD) or key.path in ("privacy.hold_ms", *_SLATE)
)
"""The settings that a conversion heeds."""

_NOT_COMPARED: Final = ("models.cache", "provenance.sign", *_SLATE)
"""Of these, what changes no picture, and the slate, which is compared as drawn."""


def convert(
    config: Config,
    source: Path,
    target: Path,
    options: Options | None = None,
    *,
    paths: Paths | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    make_processor: Callable[[], Processor] | None = None,
    read_policy: ReadPolicy = installed,
) -> Conversion:
    """Convert a picture or a video file, by OUT's suffix. The bare face is never written.

    Args:
        config: Checked configuration; `SETTINGS_USED` are heeded.
        source: IN; only read.
        target: OUT; appears whole or not at all.
        options: How to convert.
        paths: Where files are kept; the user's own places unless given.
        progress: Told how far it has come.
        stop: Ends a video's conversion in order when set; it can go on later.
        make_processor: Builds what happens to a frame; the one of a run unless given.
        read_policy: Reads what an administrator allows; the policy of this machine unless given.

    Raises:
        ConfigError: OUT's name cannot be used, an option is out of range, or the policy forbids it.
        SourceError, PhotoRefused: IN cannot be used.
        SinkError: OUT cannot be written.
        PersonaError, ModelError, EngineError: The swap cannot be put together, or broke.
        NothingCleared: Nothing was cleared, so there is no OUT.
        ConversionStopped: `stop` was set.
    """
    options = options or Options()
    if not (1 <= options.crf <= 51 and options.segment_s > 0):
        raise ConfigError(f"The quality must lie in 1..51, not {options.crf}.", "Give --crf 18, or leave it out.")
    video = is_video(target)
    check_source(source)
    check_target(source, target, replace=options.replace)
    making = _Making(config, paths or Paths.find(), source, target, make_processor, read_policy)
    if video:
        return _video(making, source, target, options, progress or Silent(), stop or threading.Event())
    return _image(making, source, target, progress or Silent())


class _Making:
    """What judges frames, made of a configuration."""

    def __init__(
        self,
        config: Config,
        paths: Paths,
        source: Path,
        target: Path,
        make_processor: Callable[[], Processor] | None,
        read_policy: ReadPolicy,
    ) -> None:
        self._policy = read_policy()
        self.config = config = converting(config, self._policy)
        self._paths = paths
        self._source, self._target = source, target
        self._time = MediaTime()
        names = (config.face.persona, *(name for _, name in config.people.worn))
        need = Scope.RECORDING if is_video(target) else Scope.STILL
        self._agreement = Agreement(paths.personas, names, need)
        permit = self._agreement.permitting(permitting(read_policy))
        self._assembly = Assembly(config, paths, self._time, permit=permit)
        self._make_processor = make_processor

    def clearing(self, size: Size) -> Clearing:
        """For frames of `size`. Takes a second: networks are loaded and the persona is made ready."""
        gate = Gate(self.slate(size), int(self.config.privacy.hold_ms * NS_PER_MS))
        processor = self._make_processor() if self._make_processor else self._disclosed(size)
        processor = checked_file(AgreedProcessor(processor, self._agreement), self.config, self._paths)
        self._note()
        return Clearing(processor, gate, self._settings(), size, self._time)

    @property
    def session(self) -> int:
        """Of the same file it is the same: a conversion that goes on later must go on as it began."""
        return int(hashlib.sha256(identity(self._source).encode()).hexdigest()[:8], 16)

    def sealed(self, target: Path, what: str) -> str:
        """Sign OUT, which is whole already; what came of it, to end a sentence with."""
        signer = signer_of(self.config, self._paths, self.session)
        seal = signer.submit(target, what, swapped=True)
        signer.close()
        return waited(seal, 0)

    def _disclosed(self, size: Size) -> Processor:
        marks = self._policy.mark_enabled
        return Disclosing(self.config, self._paths, size, self.session, marks)(self._assembly.make_processor())

    def _note(self) -> None:
        """Have it written down, before anything is made.

        Raises:
            AuditError: That cannot be, and the policy demands it.
        """
        persona = self._assembly.wardrobe.get(self.config.face.persona)
        audit_once(
            self._paths,
            "convert",
            self.config.audit.enabled,
            self._policy.audit_required,
            session=f"{self.session:08x}",
            file=self._target.name,
            persona=self.config.face.persona,
            digest=persona.digest if persona else "",
            label=self.config.label.shown,
            mark=self._policy.mark_enabled,
            policy=self._policy.digest,
        )

    def slate(self, size: Size) -> Picture:
        """(H * 3 / 2, W) u8 I420.

        Raises:
            ConfigError: The user's own cannot be read.
        """
        privacy = self.config.privacy
        own = privacy.slate_picture
        return to_picture(load_slate(own, size) if own is not None else draw_slate(size, privacy.slate_text))

    def job(self, source: Path, size: Size, crf: int) -> Mapping[str, str]:
        """All that the pictures depend on, by a name for a sentence. To be asked once `clearing` has been."""
        persona = self._assembly.wardrobe.get(self.config.face.persona)
        used = {
            key.setting.flag: str(getattr(getattr(self.config, key.section), key.name))
            for key in SETTINGS_USED
            if key.path not in _NOT_COMPARED
        }
        return {
            "IN": identity(source),
            "livecam": version("livecam"),
            "PyAV": av.__version__,
            "--crf": str(crf),
            "slate": hashlib.sha256(self.slate(size).tobytes()).hexdigest(),
            "set of photos of its persona": persona.digest if persona else "",
            "set of enrolled people": self._assembly.enrolment,
            **used,
        }

    def _settings(self) -> Settings:
        """Passing through is for one's own camera, openly; it has no place here."""
        return apply(self.config.settings, SetMode(Mode.SWAP))


def _image(making: _Making, source: Path, target: Path, progress: Progress) -> Conversion:
    started_s = time.monotonic()
    photo = _photo(source)
    height, width = photo.image.shape[:2]
    image = padded_to_even(photo.image)
    progress.update("Getting ready", 0, 0)
    clearing = making.clearing(size_of(image))
    progress.update("Swapping", 0, 0)
    swapped = swap_still(image, clearing, source)[:height, :width]
    write_image(target, swapped)
    return Conversion(
        str(source),
        str(target),
        "image",
        f"{width}x{height}",
        making.config.face.persona,
        1,
        1,
        seconds=time.monotonic() - started_s,
        provenance=making.sealed(target, "picture"),
    )


def _photo(source: Path) -> Photo:
    try:
        return read_photo(source)
    except PhotoRefused:
        if _plays(source):
            told = f"{source} is a video or an animation, not a picture."
            raise PhotoRefused(told, "Write it to a .mp4, .mov or .mkv file.") from None
        raise


def _plays(source: Path) -> bool:
    try:
        Clip(source).close()
    except SourceError:
        return False
    return True


def _video(
    making: _Making, source: Path, target: Path, options: Options, progress: Progress, stop: threading.Event
) -> Conversion:
    clip = Clip(source)
    try:
        progress.update("Getting ready", 0, 0)
        size = clip.info.size
        clearing = making.clearing(size)
        part = PartFolder(target, making.job(source, size, options.crf))
        warm_up_ns = WARM_UP_NS + int(making.config.privacy.hold_ms * NS_PER_MS)
        work = Work(source, target, clip, clearing, part, options, warm_up_ns, progress, stop)
        started_s = time.monotonic()
        with stopping_on_signals(stop), leaving_nothing(part.remove):
            done = convert_video(work)
    except av.FFmpegError as error:
        raise SinkGone(f"{target} cannot be encoded: {error.strerror}.", "Report this with the file.") from error
    finally:
        clip.close()
    return _told(making, work, done, time.monotonic() - started_s)


def _told(making: _Making, work: Work, done: Done, seconds: float) -> Conversion:
    frames = done.tally.total()
    return Conversion(
        source=str(work.source),
        target=str(work.target),
        kind="video",
        size=str(work.clip.info.size),
        persona=making.config.face.persona,
        frames=frames,
        swapped=done.tally[SWAPPED],
        held=by_reason(done.tally, HELD),
        slated=by_reason(done.tally, SLATED),
        resumed=done.resumed,
        seconds=round(seconds, 3),
        fps=round((frames - done.resumed) / seconds, 2) if seconds > 0 else 0.0,
        media_s=round(done.media_s, 3),
        audio=done.audio,
        notes=done.notes,
        provenance=making.sealed(work.target, "video"),
    )
