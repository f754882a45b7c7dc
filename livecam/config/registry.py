"""The settings of `Config`, listed once, by section and by key."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from types import MappingProxyType
from typing import ClassVar, Final, Protocol, TypeVar

from livecam.config.compound import Pairs
from livecam.config.schema import Config
from livecam.config.setting import META, Setting

T = TypeVar("T")


class _DataclassType(Protocol):
    __dataclass_fields__: ClassVar[Mapping[str, Field[object]]]

    def __call__(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Key:
    """One setting, with its place.

    Attributes:
        section: Such as ``source``.
        name: Such as ``size``.
        default: Typed.
        setting: Kind, help and flag.
    """

    section: str
    name: str
    default: object
    setting: Setting

    @property
    def path(self) -> str:
        """Such as ``source.size``."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Such as ``LIVECAM_SOURCE_SIZE``."""
        return f"LIVECAM_{self.section}_{self.name}".upper()


def _section_types() -> Mapping[str, tuple[_DataclassType, str]]:
    found = {}
    for part in fields(Config):
        # Every section is declared by `_section`, with its class as the factory.
        factory: _DataclassType = part.default_factory  # type: ignore[assignment]
        found[part.name] = (factory, str(part.metadata[META]))
    return found


_TYPES: Final = _section_types()

SECTIONS: Final[Mapping[str, str]] = MappingProxyType({name: text for name, (_, text) in _TYPES.items()})
"""Help text by section, in the order of the example."""

SETTINGS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        f"{section}.{item.name}": Key(section, item.name, item.default, item.metadata[META])
        for section, (kind, _) in _TYPES.items()
        for item in kind.__dataclass_fields__.values()
    }
)
"""Every setting by its path, such as ``source.size``, in the order of the example."""


def _is_all_of_its_section(key: Key) -> bool:
    return sum(other.section == key.section for other in SETTINGS.values()) == 1


TABLES: Final[Mapping[str, Key]] = MappingProxyType(
    {
        key.section: key
        for key in SETTINGS.values()
        if isinstance(key.setting.kind, Pairs) and _is_all_of_its_section(key)
    }
)
"""The sections of the file whose keys are the user's own names, and the setting that they are."""


def build(values: Mapping[str, object]) -> Config:
    """A `Config` from typed values by path, one for every setting."""
    parts = {
        section: _made(kind, {key.name: values[key.path] for key in SETTINGS.values() if key.section == section})
        for section, (kind, _) in _TYPES.items()
    }
    return _made(Config, parts)


def _made(make: Callable[..., T], values: Mapping[str, object]) -> T:
    return make(**values)
