"""The policy file: where it is, whose it has to be, and how it is read. Whatever is wrong with it is an error."""

import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from livecam.config.kinds import Choice, Kind, Number, Switch, Text, shown
from livecam.config.label import Language
from livecam.config.nearest import nearest
from livecam.config.policy import BASES, OUTPUTS, Policy
from livecam.config.safety import Names
from livecam.config.toml import parse_toml
from livecam.errors import ConfigError

T = TypeVar("T")

NOTHING: Final = Policy()
"""Where there is no policy file."""

LARGEST_FILE: Final = 1 << 20
"""More than this, bytes, is no policy."""

_ADMINISTRATOR: Final = 0
_DAYS: Final = Number(1, 36_500, "days")
_ASK: Final = "Ask your administrator. livecam does not start without it."
_SEE: Final = "docs/policy.md lists every key; try a file with: livecam policy check FILE"


class PolicyError(ConfigError):
    """There is a policy file, and it cannot be followed."""


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words, each of which `known` takes."""

    known: Callable[[str], str]
    told: str

    @property
    def allowed(self) -> str:
        """The form."""
        return f"a list of {self.told}"

    def from_text(self, text: str) -> tuple[str, ...]:
        """Separated by ``;``."""
        return tuple(self.known(part.strip()) for part in text.split(";") if part.strip())

    def from_toml(self, value: object) -> tuple[str, ...]:
        """A list of texts."""
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError(f"must be a list of texts, not {shown(value)}")
        return tuple(self.known(one) for one in value)

    def to_toml(self, value: object) -> str:
        """A list."""
        return f"[{', '.join(repr(one) for one in value)}]" if isinstance(value, tuple) else "[]"


def _output(word: str) -> str:
    if word in OUTPUTS or (word.startswith("plugin:") and len(word) > len("plugin:")):
        return word
    raise ValueError(f"names {word!r}, which is no output. {nearest(word, (*OUTPUTS, 'plugin:KIND'))[:-1]}")


def _basis(word: str) -> str:
    if word in BASES:
        return word
    raise ValueError(f"names {word!r}, which is no basis of a consent. {nearest(word, BASES)[:-1]}")


def _persona(word: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{64}", word):
        return word.lower()
    if word and word.isprintable() and len(word) < 64:
        return word
    raise ValueError(f"must hold names of personas or their digests of 64 digits, not {shown(word)}")


KEYS: Final[Mapping[str, tuple[str, Kind]]] = {
    "label.required": ("label_required", Switch()),
    "label.text": ("label_text", Text(40)),
    "label.language": ("label_language", Choice(Language)),
    "mark.enabled": ("mark_enabled", Switch()),
    "personas.allowed": ("personas", Words(_persona, "names or digests")),
    "passthrough.allowed": ("passthrough", Switch()),
    "outputs.allowed": ("outputs", Words(_output, "kinds of outputs")),
    "consent.required_basis": ("bases", Words(_basis, ", ".join(BASES))),
    "audit.required": ("audit_required", Switch()),
    "audit.keep_days": ("audit_keep_days", _DAYS),
    "recordings.allowed": ("recordings", Switch()),
    "recordings.keep_days": ("recordings_keep_days", _DAYS),
    "provenance.required": ("provenance_required", Switch()),
    "content.nudity": ("nudity", Names()),
    "content.minors": ("minors", Text(60)),
}
"""Every key of the policy file: the field of `Policy` that it sets, and what may be written."""


def place() -> Path:
    """Where the policy of this machine is. Neither a variable nor a flag says otherwise."""
    if sys.platform == "win32":
        from ctypes import create_unicode_buffer, windll

        # Asked of the system (CSIDL_COMMON_APPDATA), since the variable ProgramData is the user's to set.
        buffer = create_unicode_buffer(260)
        windll.shell32.SHGetFolderPathW(None, 0x23, None, 0, buffer)
        return Path(buffer.value or "C:\\ProgramData") / "livecam" / "policy.toml"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/livecam/policy.toml")
    return Path("/etc/livecam/policy.toml")


def installed(path: Path | None = None, owner: int = _ADMINISTRATOR) -> Policy:
    """The policy of this machine; one that forbids nothing where there is no file.

    Args:
        path: For tests; `place` unless given.
        owner: The user id that it and its folders have to belong to, besides root's.

    Raises:
        PolicyError: It cannot be read, may be changed by others than the administrator, or has an unknown key or value.
    """
    path = path or place()
    data = _read(path, owner)
    return parsed(data, path) if data is not None else NOTHING


def parsed(data: bytes, path: Path) -> Policy:
    """The policy in `data`, read from `path`.

    Raises:
        PolicyError: It is too large, has an unknown key, or a value that is none of the key's.
    """
    if len(data) > LARGEST_FILE:
        raise PolicyError(f"The policy {path} is larger than 1 MiB.", _ASK)
    values: dict[str, object] = {}
    for section, body in _tables(data, path).items():
        sections = sorted({key.partition(".")[0] for key in KEYS})
        if section not in sections:
            raise PolicyError(f"The policy {path} has an unknown section [{section}].", nearest(section, sections))
        if not isinstance(body, dict):
            raise PolicyError(f"{section} in the policy {path} must be a section, written [{section}].", _SEE)
        for name, value in body.items():
            field, typed = _value(f"{section}.{name}", value, path)
            values[field] = typed
    return _made(Policy, {**values, "place": path, "digest": hashlib.sha256(data).hexdigest()})


def _value(key: str, value: object, path: Path) -> tuple[str, object]:
    if key not in KEYS:
        raise PolicyError(f"The policy {path} has an unknown key {key!r}.", nearest(key, list(KEYS)))
    field, kind = KEYS[key]
    try:
        return field, kind.from_toml(value)
    except ValueError as error:
        raise PolicyError(f"{key} in the policy {path} {error}.", _SEE) from None


def _tables(data: bytes, path: Path) -> Mapping[str, object]:
    try:
        return parse_toml(data.decode("utf-8-sig"))
    except ValueError as error:
        raise PolicyError(f"The policy {path} is not valid TOML: {error}.", _ASK) from None


def _made(make: Callable[..., T], values: Mapping[str, object]) -> T:
    return make(**values)


def _read(path: Path, owner: int) -> bytes | None:
    """What is in the file; None where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise PolicyError(f"The policy {path} cannot be read: {reason}.", _ASK) from None
    try:
        _demand_administrators(path, os.fstat(handle), owner)
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(LARGEST_FILE + 1)
    finally:
        os.close(handle)


def _demand_administrators(path: Path, found: os.stat_result, owner: int) -> None:
    """Refuse a file that others than the administrator could have written, or put in its place.

    Raises:
        PolicyError: They could.
    """
    if not stat.S_ISREG(found.st_mode):
        raise PolicyError(f"The policy {path} is no file.", _ASK)
    if os.name != "posix":
        return
    if found.st_uid not in (_ADMINISTRATOR, owner):
        raise PolicyError(f"The policy {path} does not belong to the administrator.", f"sudo chown root {path}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PolicyError(f"The policy {path} can be written by others.", f"sudo chmod 644 {path}")
    for folder in path.parents:
        mode, uid = (about := folder.lstat()).st_mode, about.st_uid
        shared = mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX
        if not stat.S_ISDIR(mode) or uid not in (_ADMINISTRATOR, owner) or shared:
            told = f"The policy {path} could be replaced by others: {folder} is not the administrator's alone."
            raise PolicyError(told, f"sudo chown root {folder}; sudo chmod 755 {folder}")
