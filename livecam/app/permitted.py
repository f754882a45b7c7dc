"""A configuration, as far as the administrator's policy allows it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

from livecam.app.choose import choose_sinks
from livecam.app.reload import value_of
from livecam.config import SETTINGS, Config, Paths, Policy
from livecam.config.policy import FORBIDS
from livecam.config.policy_file import installed
from livecam.config.registry import build
from livecam.core.persona import Persona
from livecam.core.spec import Spec
from livecam.errors import ConfigError, PersonaError

_SHOW: Final = "`livecam policy show` says what is locked."
_FILES: Final = ("record", "snapshot", "swap", "studio")
_AUTO: Final = ("virtualcam", "pipewire", "web", "record")
"""What ``auto`` may stand for."""


def locked(config: Config, policy: Policy) -> Config:
    """`config`, with every setting that `policy` locks as it has to be."""
    locks = dict(policy.locks())
    if all(value_of(config, path) == value for path, value in locks.items()):
        return config
    return build({path: locks.get(path, value_of(config, path)) for path in SETTINGS})


def permitted(config: Config, paths: Paths, policy: Policy) -> Config:
    """`config` for a run: as `locked`, and ``auto`` stands for nothing that is forbidden.

    Raises:
        ConfigError: It names a persona or a sink that `policy` forbids.
    """
    config = locked(config, policy)
    for name in (config.face.persona, *filter(None, dict(config.people.worn).values())):
        if not policy.allows_name(name):
            raise ConfigError(policy.refusal_of_name(name), f"Choose one with --persona. {_SHOW}")
    if any(spec.kind == "auto" for spec in config.output.sinks) and refusal_of_output("auto", policy):
        config = replace(config, output=replace(config.output, sinks=_found(config, paths, policy)))
    for spec in config.output.sinks:
        demand_output(spec.kind, policy)
    return config


def _found(config: Config, paths: Paths, policy: Policy) -> tuple[Spec, ...]:
    """Those of the sinks that ``auto`` stands for to which pictures may go."""
    allowed = tuple(spec for spec in choose_sinks(config, paths) if not refusal_of_output(spec.kind, policy))
    if not allowed:
        raise ConfigError(f"{FORBIDS} every output that was found here.", f"Name one with --sink. {_SHOW}")
    return allowed


def converting(config: Config, policy: Policy) -> Config:
    """`config` for a conversion of a file, as `locked`.

    Raises:
        ConfigError: `policy` forbids conversions, or the persona.
    """
    demand_output("swap", policy)
    if not policy.allows_name(config.face.persona):
        raise ConfigError(policy.refusal_of_name(config.face.persona), f"Choose one with --persona. {_SHOW}")
    return locked(config, policy)


def demand_output(kind: str, policy: Policy) -> None:
    """See that pictures may go there.

    Raises:
        ConfigError: They may not.
    """
    if refusal := refusal_of_output(kind, policy):
        raise ConfigError(refusal, _SHOW)


def refusal_of_output(kind: str, policy: Policy) -> str:
    """Why pictures may not go there, on this machine, in a sentence; "" where they may."""
    if kind == "auto":
        return (
            f"{FORBIDS} some of what 'auto' stands for." if any(refusal_of_output(one, policy) for one in _AUTO) else ""
        )
    unsigned = kind in _FILES and policy.provenance_required and find_spec("c2pa") is None
    told = f"{FORBIDS} files that are not signed, and nothing here signs: pip install 'livecam[provenance]'."
    return policy.refusal_of_output(kind) or (told if unsigned else "")


def permitting(policy: Callable[[], Policy] = installed) -> Callable[[Persona], None]:
    """What refuses a persona that the policy of the moment forbids, by a `PersonaError`."""

    def permit(persona: Persona) -> None:
        if refusal := policy().refusal_of_persona(persona):
            raise PersonaError(refusal, _SHOW)

    return permit


def changes(before: Policy, after: Policy) -> Mapping[str, str]:
    """What of the rules has changed, in the words of the file; "" for what is open."""
    was, now = dict(before.lines()), dict(after.lines())
    return {key: now.get(key, "") for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)}
