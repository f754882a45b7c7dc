"""What every picture of the studio carries that leaves: label, mark, manifest and a line in the audit log.

It is written whole or not at all: beside OUT first, signed there, and moved into its place at the end.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.app.auditing import audit_once
from livecam.app.consented import Agreement
from livecam.app.convert_doors import discard, is_video, refusal
from livecam.app.disclosing import mark_key_or_drawn
from livecam.app.provenance.signer import Seal
from livecam.app.provenance.signing import signer_of
from livecam.config import Config, Paths, Policy
from livecam.config.policy import FORBIDS
from livecam.core.frame import Image
from livecam.core.persona import Scope
from livecam.errors import ConfigError, ContractError, SinkGone
from livecam.privacy.audit import Fact
from livecam.privacy.label import words
from livecam.privacy.label_still import labelled, marked_test
from livecam.privacy.mark_still import StillMark

Told = Mapping[str, Fact]
"""What the audit log is told of a picture besides: names, numbers, digests; never pictures or vectors."""

_PART: Final = ".studio-"
_STALE_S: Final = 3600.0

LARGEST_PX: Final = 64_000_000

_FLAGS: Final[Mapping[str, tuple[int, ...]]] = {
    ".jpg": (
        *(cv2.IMWRITE_JPEG_QUALITY, 96),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 98),
}
"""Colour keeps its resolution in JPEG; in WebP it is halved, by the format."""


class Publisher:
    """Lets pictures out. One thread.

    Args:
        config: As the policy allows it: sections ``label``, ``provenance``, ``audit``.
        paths: Where files are kept.
        policy: Of this machine.
        session: What the mark says.
        look: Refuses a picture that shows what may not leave.
    """

    def __init__(
        self, config: Config, paths: Paths, policy: Policy, session: int, look: Callable[[Image, str], None]
    ) -> None:
        self._config = config
        self._paths = paths
        self._policy = policy
        self._session = session
        self._look = look

    def __call__(
        self, image: Image, target: Path, persona: str, what: str, test: bool, replace: bool, told: Told
    ) -> str:
        """See `livecam.app.stills.Stills.publish`."""
        if is_video(target):
            raise ConfigError(f"{target} is to be a video, and the studio makes pictures.", "Write a .png or .jpg.")
        _check(image)
        Agreement(self._paths.personas, [persona], Scope.STILL).demand()
        self._look(image, "The picture that was made")
        data = _encoded(self._disclosed(image, test), target)
        self._note(target, persona, what, test, told)
        seal = self._written(target, data, what, replace=replace)
        return f"{self._carried(test)}, {seal}"

    def _disclosed(self, image: Image, test: bool) -> Image:
        """`image` as it may be seen: marked, and labelled on top."""
        if self._policy.mark_enabled:
            image = StillMark(mark_key_or_drawn(self._paths), self._session)(image)
        if self._config.label.shown:
            image = labelled(image, words(self._config.label))
        return marked_test(image) if test else image

    def _carried(self, test: bool) -> str:
        """Such as ``labelled, marked (session 0000beef)``."""
        label = "labelled" if self._config.label.shown else "without a label"
        mark = f"marked (session {self._session:08x})" if self._policy.mark_enabled else "not marked"
        return ", ".join([label, mark, *(["TEST"] if test else [])])

    def _note(self, target: Path, persona: str, what: str, test: bool, told: Told) -> None:
        """Have it written down, before it is there.

        Raises:
            AuditError: That cannot be, and the policy demands it.
        """
        audit_once(
            self._paths,
            "studio",
            self._config.audit.enabled,
            self._policy.audit_required,
            session=f"{self._session:08x}",
            command=what,
            file=target.name,
            persona=persona,
            label=self._config.label.shown,
            mark=self._policy.mark_enabled,
            test=test,
            policy=self._policy.digest,
            **told,
        )

    def _written(self, target: Path, data: bytes, what: str, *, replace: bool) -> Seal:
        """Write, sign, and put into its place.

        Raises:
            SinkError: It cannot be written.
            ConfigError: There is a file of that name by now; or it cannot be signed, and the policy demands that.
        """
        # With its own suffix, which says the format to whoever signs.
        part = target.with_name(f"{_PART}{secrets.token_hex(4)}-{target.name}")
        _sweep(target.parent)
        try:
            _write(part, data)
            seal = self._sealed(part, what)
            if seal.why and self._policy.provenance_required:
                raise ConfigError(f"{FORBIDS} files that are not signed: {seal.why}.", "Nothing was written.")
            if target.exists() and not replace:
                raise ConfigError(f"{target} exists.", "Choose another name, or replace it with --replace.")
            os.replace(part, target)
        except OSError as error:
            raise refusal(target, error) from error
        finally:
            discard(part)
        return seal

    def _sealed(self, part: Path, what: str) -> Seal:
        signer = signer_of(self._config, self._paths, self._session)
        seal = signer.submit(part, f"studio {what}", swapped=True)
        signer.close()
        return seal.result(0)


def _sweep(folder: Path) -> None:
    """Delete what a process that was killed has left in `folder`: nobody takes an hour to sign a picture."""
    old = time.time() - _STALE_S
    for path in folder.glob(f"{_PART}{'[0-9a-f]' * 8}-*"):
        with suppress(OSError):
            if path.is_file() and path.stat().st_mtime < old:
                path.unlink()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _check(image: Image) -> None:
    """Refuse what is no picture: nothing of a broken network leaves.

    Raises:
        ContractError: It is none.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not 0 < image[..., 0].size <= LARGEST_PX:
        raise ContractError(f"The studio made no picture but an array of {image.dtype} {image.shape}.")


def _encoded(image: Image, target: Path) -> bytes:
    """The file: nothing of what IN noted besides its pixels is in it.

    Raises:
        SinkGone: It is too large for the format.
    """
    suffix = target.suffix.lower().replace(".jpeg", ".jpg")
    try:
        done, data = cv2.imencode(suffix, image, _FLAGS.get(suffix, ()))
    except cv2.error:
        done, data = False, np.empty(0, np.uint8)
    if not done:
        raise SinkGone(f"{image.shape[1]}x{image.shape[0]} pixels do not fit into a {suffix} file.", "Write a .png.")
    return data.tobytes()
