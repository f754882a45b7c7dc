"""When the consent for each persona last changed, as far as this installation knows: kept beside the personas, sealed.

A signed record stays signed for ever, so that a copy from before it was taken back would pass when it is put back.
What is kept here finds that: one small file for each persona in the folder ``consents`` beside the personas, by a keyed
digest of its name, which stays when the persona goes. Whoever runs as this user can put back that file too, or delete
it.
"""

import hmac
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from livecam.core.persona import Consent
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces.consent_terms import STATED, stamped, utc_now
from livecam.faces.store import make_home, read_plain, unwritable, write_plain

if TYPE_CHECKING:
    from livecam.faces.vault import Vault

log = logging.getLogger(__name__)

FOLDER: Final = "consents"
_LARGEST: Final = 256
_NEXT: Final = timedelta(milliseconds=1)


def refuse_older(vault: "Vault", folder: Path, consent: Consent) -> None:
    """Refuse a record that is older than the last change that is known here. Costs one small file.

    Where none is known, as of a persona that an older livecam kept, this record's is from now on.

    Args:
        vault: Of the installation.
        folder: Of the persona.
        consent: Its record, proven to be signed here.

    Raises:
        ConsentRefused: It is older, or what is known cannot be read.
    """
    name = folder.name
    try:
        known = _known(vault, folder)
    except (OSError, PersonaError) as error:
        raise ConsentRefused(
            f"When the consent for {name!r} last changed cannot be told, so its record is not believed: {error}",
            _anew(name),
        ) from None
    if consent.changed < known:
        raise ConsentRefused(
            f"The consent record of {name!r} is older than one that was there before, or from before it was removed.",
            _anew(name),
        )
    if not known:
        _begin(vault, folder, consent)


def _begin(vault: "Vault", folder: Path, consent: Consent) -> None:
    """Keep the change of the first record that is seen of the persona in `folder`; best effort."""
    try:
        keep(vault, folder, consent.changed)
    except PersonaError as error:
        log.debug("A copy of an older consent record of %s would pass: %s", folder.name, error)


def after(vault: "Vault", folder: Path, now: datetime | None = None) -> datetime:
    """The time for a new record of the persona in `folder`: now, or the moment after its last change, if later."""
    now = now or utc_now()
    try:
        known = _known(vault, folder)
    except (OSError, PersonaError):
        return now
    return max(now, datetime.fromisoformat(known).astimezone(UTC) + _NEXT) if known else now


def keep(vault: "Vault", folder: Path, changed: str) -> None:
    """Keep that the consent of the persona in `folder` changed at `changed`, as `stamped` writes it.

    Raises:
        PersonaError: The disk refused.
    """
    path = _path(vault, folder)
    make_home(path.parent)
    try:
        write_plain(path, vault.seal(changed.encode(), _about(folder)))
    except OSError as error:
        raise unwritable(path, error) from None


def bury(open_vault: "Callable[[], Vault]", folder: Path) -> None:
    """Keep that the persona of `folder` was removed now, so that no record from before counts; best effort."""
    try:
        vault = open_vault()
        keep(vault, folder, stamped(after(vault, folder)))
    except PersonaError as error:
        log.warning("A copy of the consent record of %s would count again if it were put back: %s", folder.name, error)


def _known(vault: "Vault", folder: Path) -> str:
    """The last change, as `stamped` writes it; "" where none is known.

    Raises:
        OSError: The file cannot be read.
        PersonaError: It was changed, or belongs to another persona or installation.
    """
    try:
        sealed = read_plain(_path(vault, folder), _LARGEST)
    except FileNotFoundError:
        return ""
    return vault.open(sealed, _about(folder)).decode()


def _path(vault: "Vault", folder: Path) -> Path:
    name = hmac.new(vault.key_for("latest consents"), folder.name.encode(), "sha256").hexdigest()[:32]
    return folder.parent.parent / FOLDER / f"{name}.sealed"


def _about(folder: Path) -> str:
    return f"the last change of the consent for {folder.name}"


def _anew(name: str) -> str:
    return f"If you know on what ground: livecam faces consent {name} --renew --basis {'|'.join(STATED)}"
