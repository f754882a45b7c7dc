"""A manifest in a recording or a picture: modified with AI, by which program, in which session.

Signed offline: no time-stamp authority is asked, so that a signature says who, and not provably when.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import copymode
from typing import Final

from livecam.app.provenance.certificates import Signing
from livecam.app.provenance.made import LIVE_MARK, STILL_MARK, Made
from livecam.app.provenance.watched import reading, writing
from livecam.errors import ExtraMissing, LivecamError

MARKS: Final = (LIVE_MARK, STILL_MARK)
"""Of the soft binding: `livecam verify` finds the session in the picture itself, where the manifest was stripped."""

KINDS: Final[Mapping[str, str]] = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
"""What can carry a manifest, by suffix; .mkv and .webm cannot."""


def definition(made: Made) -> Mapping[str, object]:
    """The manifest's own part: C2PA 2.x, actions v2 and soft binding."""
    program = {"name": "livecam", "version": version("livecam")}
    action = {
        "action": "c2pa.created",
        "digitalSourceType": made.said.source,
        "softwareAgent": program,
        "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "description": made.said.description,
    }
    value = f"{made.session:08x}"
    binding = {"alg": made.said.mark, "blocks": [{"scope": {}, "value": value}]}
    return {
        "claim_generator_info": [program],
        "title": f"livecam {made.what}",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": "c2pa.soft-binding", "data": binding},
        ],
    }


def sign(path: Path, made: Made, signing: Signing, stopped: Callable[[], bool] = lambda: False) -> None:
    """Put a signed manifest into the file at `path`, which is replaced whole; when that fails it stays as it was.

    Args:
        path: Of a file of one of `KINDS`.
        made: What the manifest says.
        signing: Who signs.
        stopped: Asked often; once it says so, the file is left as it was.

    Raises:
        ExtraMissing: ``c2pa-python`` is not installed.
        LivecamError: It cannot be signed.
    """
    demand_extra()
    from c2pa import Builder, C2paError, C2paSignerInfo, Context, Signer

    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise LivecamError(f"{path.name} cannot carry a manifest.", f"These can: {', '.join(sorted(KINDS))}.")
    part = path.with_name(f".signing-{path.name}")
    try:
        info = C2paSignerInfo(b"es256", signing.chain, signing.key, None)
        with (
            Context.from_dict(_PLAIN) as context,
            Signer.from_info(info) as signer,
            Builder(json.dumps(definition(made)), context) as builder,
            reading(path, stopped) as whole,
            writing(part, stopped) as signed,
        ):
            builder.sign(signer, kind, whole, signed)
        copymode(path, part)
        part.replace(path)
    except (C2paError, OSError) as error:
        why = "the run ended first" if stopped() else str(error)
        raise LivecamError(f"{path} could not be signed and stays as it was: {why}.", _WHY) from None
    finally:
        # A failure leaves a part behind.
        with suppress(OSError):
            part.unlink()


_WHY: Final = "Check the disk, and the certificate: livecam provenance show."


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file says about itself.

    Attributes:
        valid: Its signature and every digest hold.
        by: Who signed, as the certificate says; anybody can make one, so that this proves no name by itself.
        program: Which program says so.
        modified: It says that AI made or changed it.
        session: livecam's, where livecam made it.
        problems: What does not hold, in the library's words.
    """

    valid: bool
    by: str
    program: str
    modified: bool
    session: int | None
    problems: tuple[str, ...]


def read(path: Path) -> Manifest | None:
    """The manifest in the file at `path`; None where it has none.

    Raises:
        ExtraMissing: ``c2pa-python`` is not installed.
        LivecamError: The file cannot be read, or what is in it is no manifest.
    """
    demand_extra()
    from c2pa import C2paError, Context, Reader

    try:
        # What a manifest points to on the network is not fetched: nothing is told to anybody by looking.
        with Context.from_dict(_OFFLINE) as context, Reader(path, context=context) as reader:
            content: object = json.loads(reader.json())
    except (C2paError.ManifestNotFound, C2paError.NotSupported):
        return None
    except (C2paError, OSError, ValueError, RecursionError) as error:
        raise LivecamError(f"The manifest in {path} cannot be read: {error}.") from None
    return _read(content)


def told(found: Manifest | None) -> Iterator[str]:
    """What a file says about itself, sentence by sentence."""
    if found is None:
        yield "It carries no C2PA manifest; many programs strip it, so that this means nothing."
        return
    who = f"{found.program or 'an unnamed program'}, signed as {found.by or 'nobody'!r}"
    what = "that AI made or changed it" if found.modified else "nothing of AI"
    yield f"Its C2PA manifest, by {who}, says {what}."
    if found.valid:
        yield "Nothing was changed since. The name is as good as the certificate, which anybody can make."
    else:
        yield f"But it was changed since: {', '.join(found.problems)}."
    if found.session is not None:
        yield f"It names session {found.session:08x}."


def _read(content: object) -> Manifest:
    match content:
        case {"active_manifest": str(name), "manifests": {**manifests}}:
            active: object = manifests.get(name)
        case _:
            return Manifest(False, "", "", False, None, ("There is no active manifest.",))
    problems = _problems(content)
    return Manifest(
        # Nobody lists an installation's own authority: that is no fault of the file.
        valid=not problems,
        by=_found(active, ("signature_info", "common_name")),
        program=_found(active, ("claim_generator_info", "0", "name")),
        modified="rainedAlgorithmicMedia" in json.dumps(active),
        session=_session(active),
        problems=problems,
    )


_PLAIN: Final = {"builder": {"thumbnail": {"enabled": False}}}
"""A manifest carries no second picture of the face."""

_OFFLINE: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}

_UNLISTED: Final = "signingCredential.untrusted"


def _problems(content: object) -> tuple[str, ...]:
    match content:
        case {"validation_status": [*states]}:
            codes = (str(state.get("code", "")) for state in states if isinstance(state, Mapping))
            return tuple(code for code in codes if code != _UNLISTED)
        case _:
            return ()


def _found(content: object, way: tuple[str, ...]) -> str:
    """What lies at the end of `way` through mappings and lists; "" for nothing."""
    for step in way:
        if isinstance(content, Mapping):
            content = content.get(step)
        elif isinstance(content, list) and step.isdecimal() and int(step) < len(content):
            content = content[int(step)]
        else:
            return ""
    return content if isinstance(content, str) else ""


def _session(content: object) -> int | None:
    assertions = content.get("assertions") if isinstance(content, Mapping) else None
    for assertion in assertions if isinstance(assertions, list) else []:
        match assertion:
            case {"label": "c2pa.soft-binding", "data": {"alg": str(mark), "blocks": [{"value": str(value)}]}} if (
                mark in MARKS
            ):
                return int(value, 16) if len(value) == 8 and set(value) <= set("0123456789abcdef") else None
            case _:
                continue
    return None


def readable() -> bool:
    """Whether manifests can be read and written here."""
    return find_spec("c2pa") is not None


def demand_extra() -> None:
    """Refuse where no manifest can be written.

    Raises:
        ExtraMissing: ``c2pa-python`` is not installed.
    """
    if not readable():
        raise ExtraMissing(
            "Manifests need the package c2pa-python.", "Install it with: pip install 'livecam[provenance]'"
        )
