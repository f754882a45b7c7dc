"""Default < file < environment < flag < policy, and for every value the place it came from."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from livecam.config.nearest import nearest
from livecam.config.paths import Paths
from livecam.config.policy import Policy
from livecam.config.policy_file import NOTHING, installed
from livecam.config.registry import SECTIONS, SETTINGS, TABLES, Key, build
from livecam.config.schema import Config
from livecam.config.toml import parse_toml
from livecam.errors import ConfigError

_LARGEST_FILE = 1 << 20
_PREFIX = "LIVECAM_"


class Layer(StrEnum):
    """Where a value came from; later ones win."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value came from.

    Attributes:
        layer: Which of the five.
        place: File and line, variable, flag or file of the policy; empty for defaults.
    """

    layer: Layer
    place: str = ""

    def __str__(self) -> str:
        return f"{self.layer} {self.place}".strip()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration and its history.

    Attributes:
        config: What is in force.
        values: The same by path, such as ``source.size``; one for every setting.
        origins: Where each came from, by path.
        file: The file that was read, or `None`.
        paths: Where files are kept.
        policy: What an administrator allows.
    """

    config: Config
    values: Mapping[str, object]
    origins: Mapping[str, Origin]
    file: Path | None
    paths: Paths
    policy: Policy = NOTHING

    @property
    def asked(self) -> frozenset[str]:
        """Paths of the settings that a flag or the policy says: nothing that is read later goes before them."""
        return frozenset(path for path, origin in self.origins.items() if origin.layer in (Layer.FLAG, Layer.POLICY))


@dataclass(frozen=True, slots=True)
class _Found:
    key: Key
    value: object
    origin: Origin


def load(
    flags: Mapping[str, object] | None = None,
    path: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    policy: Policy | None = None,
) -> Resolved:
    """Read all layers.

    Args:
        flags: By setting path, such as ``source.size``, what the command line or the caller said: text as on the
            command line, a typed value, or several texts.
        path: The file; `None` reads the user's own when it exists.
        environment: Variables.
        policy: What an administrator allows; read from this machine unless given.

    Raises:
        ConfigError: A file cannot be read, or a name or value is unknown, of the wrong type or out of range.
        PolicyError: There is a policy, and it cannot be followed.
    """
    base = defaults(environment)
    own = base.paths.config_file
    file = path if path is not None else (own if own.exists() else None)
    values, origins = dict(base.values), dict(base.origins)
    for found in (*_from_file(file), *_from_environment(environment), *_from_flags(flags or {})):
        values[found.key.path] = found.value
        origins[found.key.path] = found.origin
    policy = policy or installed()
    for name, value in policy.locks():
        values[name], origins[name] = value, Origin(Layer.POLICY, str(policy.place or ""))
    return Resolved(_whole(build(values)), values, origins, file, base.paths, policy)


def _whole(config: Config) -> Config:
    """`config`, when its values go together.

    Raises:
        ConfigError: They do not.
    """
    try:
        config.settings  # noqa: B018 - makes and checks them
    except ValueError as error:
        raise ConfigError(str(error), "`livecam config show` prints where each value came from.") from None
    return config


def defaults(environment: Mapping[str, str] = os.environ) -> Resolved:
    """The defaults alone, for what must go on when a file or a variable is wrong."""
    values = {name: key.default for name, key in SETTINGS.items()}
    origins = {name: Origin(Layer.DEFAULT) for name in SETTINGS}
    return Resolved(Config(), values, origins, None, Paths.find(environment))


def _from_file(path: Path | None) -> Iterator[_Found]:
    if path is None:
        return
    text = _read(path)
    for section, body in _parsed(text, path).items():
        if section not in SECTIONS:
            raise _unknown(f"{path} has an unknown section [{section}]", section, SECTIONS)
        if not isinstance(body, dict):
            raise ConfigError(f"{path}: {section} must be a section, written [{section}].", _SEE_EXAMPLE)
        if section in TABLES:
            yield _checked(TABLES[section], body, f"{path}: [{section}]", str(path))
            continue
        for name, value in body.items():
            yield _file_value(path, text, section, name, value)


def _file_value(path: Path, text: str, section: str, name: str, value: object) -> _Found:
    line = _line_of(text, section, name)
    place = f"{path}:{line}" if line else str(path)
    key = SETTINGS.get(f"{section}.{name}")
    if key is None:
        names = [key.name for key in SETTINGS.values() if key.section == section]
        raise _unknown(f"{place} has an unknown key {name!r} in [{section}]", name, names)
    return _checked(key, value, f"{place}: {key.path}", place)


def _checked(key: Key, value: object, told: str, place: str) -> _Found:
    try:
        return _Found(key, key.setting.kind.from_toml(value), Origin(Layer.FILE, place))
    except ValueError as error:
        raise ConfigError(f"{told} {error}.", _SEE_EXAMPLE) from None


_SEE_EXAMPLE = "`livecam config example` prints every key with its allowed values."


def _read(path: Path) -> str:
    try:
        if path.is_fifo():
            # It would be waited for until somebody writes into it.
            raise ConfigError(f"{path} is a pipe, not a configuration file.", "Name a file.")
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ConfigError(f"There is no configuration file {path}.", "Check the path given to --config.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, not a configuration file.", "Name the file inside it.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from None
    except ValueError:
        raise ConfigError(f"{str(path)!r} can be no file's name.", "Check the path given to --config.") from None
    if len(data) > _LARGEST_FILE:
        raise ConfigError(f"{path} is larger than 1 MiB, so it is no livecam.toml.", _SEE_EXAMPLE)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.") from None


def _parsed(text: str, path: Path) -> Mapping[str, object]:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", _SEE_EXAMPLE) from None


def _line_of(text: str, section: str, name: str) -> int:
    """The line, from 1, on which a key is written in the plain way; 0 when it is written in another way."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            inside = line.partition("#")[0].strip().strip("[]").strip().strip("\"'") == section
        elif inside and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return 0


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Found]:
    known = {key.variable: key for key in SETTINGS.values()}
    for name in sorted(environment):
        key = known.get(name)
        if key is None:
            _refuse_misspelt(name, known)
            continue
        try:
            yield _Found(key, key.setting.kind.from_text(environment[name]), Origin(Layer.ENVIRONMENT, name))
        except ValueError as error:
            raise ConfigError(f"The environment variable {name} {error}.", _SEE_EXAMPLE) from None


def _refuse_misspelt(name: str, known: Iterable[str]) -> None:
    """Other programs' and livecam's own variables pass; what names a section or nearly a setting does not."""
    if not name.startswith(_PREFIX):
        return
    section = name.removeprefix(_PREFIX).partition("_")[0].lower()
    if (section in SECTIONS and name.count("_") > 1) or difflib.get_close_matches(name, known, 1, 0.9):
        raise _unknown(f"The environment has an unknown variable {name}", name, known)


def _from_flags(flags: Mapping[str, object]) -> Iterator[_Found]:
    for path, value in flags.items():
        key = SETTINGS.get(path)
        if key is None:
            raise _unknown(f"There is no setting {path!r}", path, SETTINGS)
        kind = key.setting.kind
        try:
            typed = kind.from_text(value) if isinstance(value, str) else kind.from_toml(value)
        except ValueError as error:
            raise ConfigError(f"{key.setting.flag} {error}.", "`livecam run --help` shows what may be given.") from None
        yield _Found(key, typed, Origin(Layer.FLAG, key.setting.flag))


def _unknown(what: str, name: str, known: Iterable[str]) -> ConfigError:
    return ConfigError(f"{what}.", nearest(name, list(known)))
