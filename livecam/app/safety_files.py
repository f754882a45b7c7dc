"""The content gate of ``livecam swap``: a file that shows what may not leave is refused as a whole."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from livecam.app.safety_terms import Looks, looks_of, terms_of
from livecam.config import Config, Paths
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.seams import Processor
from livecam.core.settings import Settings
from livecam.errors import LivecamError


class ContentRefused(LivecamError):
    """A file shows what may not be converted."""


class CheckedProcessor:
    """A `Processor` that refuses the whole file as soon as a look sees what may not leave.

    Args:
        inner: Works on frames.
        looks: What a look is made of.
        every_ns: Of the file's own time; a file is looked at as often as a camera.
    """

    def __init__(self, inner: Processor, looks: Looks, every_ns: int) -> None:
        self._inner = inner
        self._looks = looks
        self._every_ns = every_ns
        self._clean_ns: int | None = None

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """See `Processor`.

        Raises:
            ContentRefused: The frame shows nudity.
            EngineError, ContractError: The look failed; or as the inner one.
        """
        since_ns = None if self._clean_ns is None else frame.captured_ns - self._clean_ns
        if since_ns is None or not 0 <= since_ns < self._every_ns:
            verdict = self._looks.judge(self._looks.copy(frame.image))
            if verdict.hit:
                raise ContentRefused(
                    f"The file is not converted: the content check saw nudity in frame {frame.seq}: {verdict}.",
                    "docs/safety.md tells what is checked.",
                )
            self._clean_ns = frame.captured_ns
        return self._inner.process(frame, out, settings)

    def reset(self) -> None:
        """See `Processor`."""
        self._inner.reset()

    def adapt(self, tier: Tier) -> None:
        """See `Processor`."""
        self._inner.adapt(tier)

    def stages(self) -> Mapping[str, int]:
        """See `Processor`."""
        return self._inner.stages()


@contextmanager
def leaving_nothing(remove: Callable[[], None]) -> Iterator[None]:
    """`remove` what was made of a file that is refused within."""
    try:
        yield
    except ContentRefused:
        remove()
        raise


def checked_file(processor: Processor, config: Config, paths: Paths) -> Processor:
    """`processor`, for a file, whose frames are looked at where that is configured.

    Raises:
        ConfigError, ModelError: As `looks_of`.
    """
    if not config.safety.nudity:
        return processor
    return CheckedProcessor(processor, looks_of(config, paths), terms_of(config.safety).every_ns)
