"""What may be written down of names and addresses: no secrets, no folders, nothing that moves a terminal's cursor."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from livecam.core.spec import Spec
from livecam.privacy.audit import Fact

LONGEST: Final = 300
"""Characters of one fact."""

_FILES: Final = frozenset({"file", "record"})
_NAMED: Final = frozenset({"camera", "virtualcam", "v4l2", "pipewire", "web", "synthetic"})


def told(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """`facts` as they may be written: texts cut, on one line, and without what stands in addresses besides a host."""
    return {name: clean(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}


def clean(text: str) -> str:
    """`text`, of every address in it no more than scheme and host: users, passwords, paths, queries may be secrets."""
    plain = re.sub(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:\S*@)?([^\s/?#@]*)\S*", r"\1\2", text)
    bare = re.sub(r"[?&#](?:token|key|secret|password)=\S*", "", plain)[:LONGEST]
    return "".join(letter if letter.isprintable() else "?" for letter in bare)


def told_spec(spec: Spec) -> str:
    """A source or sink for the log: of files the name alone, of drivers that are not livecam's own the kind alone."""
    if spec.kind in _FILES:
        return f"{spec.kind}:{Path(spec.target).name}"
    if "://" in spec.target:
        return clean(f"{spec.kind}:{spec.target}")
    return f"{spec.kind}:{spec.target}" if spec.kind in _NAMED and spec.target else spec.kind


def told_sink(name: str) -> str:
    """The same, of what a sink calls itself, such as ``record:/home/ann/call.mp4 (call-1.mp4 exists)``."""
    kind, _, target = name.partition(":")
    return told_spec(Spec(kind, target.partition(" (")[0], {}, name))
