"""Consent records: strict JSON, signed with a key of this installation, and what makes one good.

What cannot be read whole is not read at all. The signature is Ed25519 (RFC 8032) over the record as canonical JSON:
keys sorted, no spaces, ASCII. It covers the name of the persona and the digests of its photos, so that a record passes
for no other. It keeps others, and mistakes, from widening a record; not whoever runs as this user and has the key.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from livecam.core.persona import Basis, Consent, Scope
from livecam.errors import ConsentRefused
from livecam.faces.consent_terms import LONGEST_SUBJECT, STATED

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from livecam.faces.vault import Vault

FILE: Final = "consent.json"
LARGEST_BYTES: Final = 1 << 16
FORMAT: Final = 2

_STATED_KEYS: Final = ("basis", "subject", "scope", "recorded", "expires", "proven", "revoked", "photo_digests")
_KEYS = frozenset({"format", "persona", *_STATED_KEYS, "signer", "signature"})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
_DOMAIN: Final = b"livecam consent record\n"

Object: TypeAlias = "dict[str, object]"


class Signer:
    """Signs consent records, and knows its own signature. Any thread.

    Args:
        vault: Of the installation; the key is derived from its own.

    Attributes:
        vault: As given.
    """

    def __init__(self, vault: "Vault") -> None:
        self.vault = vault
        self._seed = vault.key_for("consent")

    @cached_property
    def _key(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # takes a moment

        return Ed25519PrivateKey.from_private_bytes(self._seed)

    @cached_property
    def name(self) -> str:
        """The public key, hex."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> str:
        """The signature of `content`, hex."""
        return self._key.sign(_DOMAIN + content).hex()

    def signed(self, content: bytes, signature: str) -> bool:
        """Whether `signature`, hex, is this installation's of `content`."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.public_key().verify(bytes.fromhex(signature), _DOMAIN + content)
        except InvalidSignature:
            return False
        return True


def to_json(consent: Consent, persona: str, signer: Signer) -> bytes:
    """The record of `persona` as JSON, signed."""
    content = _content(consent, persona, signer)
    signature = signer.sign(_canonical(content))
    return (json.dumps({**content, "signature": signature}, indent=2, ensure_ascii=False) + "\n").encode()


def from_json(text: bytes, persona: str, signer: Signer) -> Consent:
    """Read `to_json`'s text of `persona` back.

    Raises:
        ConsentRefused: A key is missing, unknown or of the wrong type or form; it is not signed, or not by this
            installation; it is another persona's.
    """
    content = _parsed(text, persona)
    if content["persona"] != persona:
        raise ConsentRefused(f"The consent record of {persona!r} is another persona's.", _anew(persona))
    consent = _consent(content, persona)
    if content["signer"] != signer.name:
        raise ConsentRefused(
            f"The consent record of {persona!r} was signed by another installation of livecam.", _anew(persona)
        )
    signature = content.pop("signature")
    if not (isinstance(signature, str) and _SIGNATURE.fullmatch(signature)) or not signer.signed(
        _canonical(content), signature
    ):
        raise ConsentRefused(
            f"The consent record of {persona!r} was changed after it was signed, or forged.", _anew(persona)
        )
    return consent


def _content(consent: Consent, persona: str, signer: Signer) -> Object:
    return {
        "format": FORMAT,
        "persona": persona,
        "basis": str(consent.basis),
        "subject": consent.subject,
        "scope": [str(one) for one in Scope if one in consent.scope],
        "recorded": consent.recorded,
        "expires": consent.expires,
        "proven": consent.proven,
        "revoked": consent.revoked,
        "photo_digests": list(consent.photo_digests),
        "signer": signer.name,
    }


def _canonical(content: Object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _parsed(text: bytes, persona: str) -> Object:
    try:
        content: object = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _unusable(persona, "it is not JSON") from None
    if isinstance(content, dict) and "signature" not in content:
        raise _unusable(persona, "it is not signed, as livecam has done since version 2 of the format")
    if not isinstance(content, dict) or set(content) != _KEYS or content["format"] != FORMAT:
        raise _unusable(persona, f"it must be of format {FORMAT} and have exactly the keys {', '.join(sorted(_KEYS))}")
    return content


def _once(pairs: list[tuple[str, object]]) -> Object:
    """The object of `pairs`; a key that is there twice would mean one thing to one reader and another to the next.

    Raises:
        ValueError: One is.
    """
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _consent(content: Object, persona: str) -> Consent:
    match content:
        case {
            "basis": str(basis),
            "subject": str(subject),
            "scope": list(scope),
            "recorded": str(recorded),
            "expires": str(expires),
            "proven": bool(proven),
            "revoked": str(revoked),
            "photo_digests": list(digests),
        } if _fit(subject, digests):
            times = [_instant(text, persona) for text in (recorded, expires or recorded, revoked or recorded)]
            kept = tuple(str(digest) for digest in digests)
            return Consent(
                _basis(basis, persona), subject, times[0], kept, _scope(scope, persona), expires, proven, revoked
            )
        case _:
            raise _unusable(persona, "a value has the wrong type or form")


def _fit(subject: str, digests: Sequence[object]) -> bool:
    hex_all = all(isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in digests)
    return hex_all and len(subject) <= LONGEST_SUBJECT and subject.isprintable()


def _basis(text: str, persona: str) -> Basis:
    try:
        return Basis(text)
    except ValueError:
        raise _unusable(persona, f"its basis {text!r} is none of {', '.join(Basis)}") from None


def _scope(items: Sequence[object], persona: str) -> frozenset[Scope]:
    known = [str(one) for one in Scope]
    if not items or not all(item in known for item in items) or len(set(map(str, items))) != len(items):
        raise _unusable(persona, f"its scope is no choice of {', '.join(Scope)}")
    return frozenset(Scope(str(item)) for item in items)


def _instant(text: str, persona: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        text = ""
    if not _INSTANT.fullmatch(text):
        raise _unusable(persona, "a time is none in UTC, to the millisecond")
    return text


def _unusable(persona: str, reason: str) -> ConsentRefused:
    return ConsentRefused(f"The consent record of {persona!r} cannot be used: {reason}.", _anew(persona))


def _anew(persona: str) -> str:
    return f"If you know on what ground: livecam faces consent {persona} --renew --basis {'|'.join(STATED)}"
