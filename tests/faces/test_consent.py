"""Consent records survive JSON, and are refused when anything is off: forged, another's, ended, taken back."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.persona import EVERY_SCOPE, Basis, Consent, Scope
from livecam.errors import ConfigError, ConsentRefused, PersonaError
from livecam.faces.consent import Signer, from_json, to_json
from livecam.faces.consent_terms import Terms, parsed_expiry, parsed_scope, record, refuse_invalid, stamped
from livecam.faces.vault import Vault

DIGEST = "ab" * 32
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIGNER = Signer(Vault(bytes(32)))
MADE = record(Terms(Basis.WRITTEN, "Zoë Müller"), [DIGEST], NOW)


def forged(**change: object) -> bytes:
    """A record of ann whose author has the key."""
    content = {**json.loads(to_json(MADE, "ann", SIGNER)), **change}
    content.pop("signature")
    signature = SIGNER.sign(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    return json.dumps({**content, "signature": signature}).encode()


def test_round_trip() -> None:
    assert (
        Consent(Basis.WRITTEN, "Zoë Müller", "2026-01-02T03:04:05.000+00:00", (DIGEST,), frozenset({Scope.LIVE}))
        == MADE
    )
    text = to_json(MADE, "ann", SIGNER)
    assert from_json(text, "ann", SIGNER) == MADE
    assert "Zoë" in text.decode()
    full = Consent(Basis.SELF, "", stamped(NOW), (DIGEST, "0" * 64), EVERY_SCOPE, stamped(NOW), True, stamped(NOW))
    assert from_json(to_json(full, "zoë", SIGNER), "zoë", SIGNER) == full


def test_another_persons_face_is_for_live_alone_unless_said_otherwise() -> None:
    scopes = {basis: record(Terms(basis), []).scope for basis in Basis if basis is not Basis.UNSTATED}
    assert scopes[Basis.SELF] == scopes[Basis.SYNTHETIC] == EVERY_SCOPE
    assert scopes[Basis.WRITTEN] == scopes[Basis.LICENSED] == {Scope.LIVE}
    assert record(Terms(Basis.WRITTEN, scope=frozenset({Scope.STILL})), []).scope == {Scope.STILL}


def test_now_is_stamped_in_utc() -> None:
    assert record(Terms(Basis.SELF), []).recorded.endswith("+00:00")


@pytest.mark.parametrize("subject", ["a\nb", "x" * 201, "\x1b[31m"])
def test_subject_is_one_line(subject: str) -> None:
    with pytest.raises(PersonaError, match="one line"):
        Terms(Basis.SELF, subject)


def test_a_ground_and_a_use_must_be_stated() -> None:
    with pytest.raises(ConsentRefused, match="on what ground"):
        record(Terms(Basis.UNSTATED), [])
    with pytest.raises(PersonaError, match="worn for nothing"):
        Terms(Basis.SELF, scope=frozenset())


@pytest.mark.parametrize(
    "change",
    [
        {"basis": "self"},
        {"subject": "Eve"},
        {"scope": ["live", "recording", "still"]},
        {"expires": "2099-01-01T00:00:00.000+00:00"},
        {"proven": True},
        {"photo_digests": ["cd" * 32]},
        {"recorded": "2026-01-02T03:04:06.000+00:00"},
        {"signature": "00" * 64},
        {"signature": "xyz"},
        {"signature": 3},
    ],
)
def test_whoever_changes_a_word_of_it_is_found_out(change: dict[str, object]) -> None:
    content = json.loads(to_json(MADE, "ann", SIGNER)) | change
    with pytest.raises(ConsentRefused, match=r"changed after it was signed, or forged.*--renew --basis self\|written"):
        from_json(json.dumps(content).encode(), "ann", SIGNER)


def test_a_record_passes_for_no_other_persona_and_in_no_other_installation() -> None:
    text = to_json(MADE, "ann", SIGNER)
    with pytest.raises(ConsentRefused, match="of 'bob' is another persona's"):
        from_json(text, "bob", SIGNER)
    with pytest.raises(ConsentRefused, match="another installation"):
        from_json(text, "ann", Signer(Vault(bytes([1]) * 32)))
    with pytest.raises(ConsentRefused, match="changed after it was signed"):
        from_json(text.replace(b'"ann"', b'"bob"'), "bob", SIGNER)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"basis": "because"}, "'because' is none of self"),
        ({"basis": 3}, "wrong type"),
        ({"proven": 1}, "wrong type"),
        ({"subject": "a\nb"}, "wrong type or form"),
        ({"subject": "x" * 201}, "wrong type or form"),
        ({"scope": []}, "its scope is no choice of live, recording, still"),
        ({"scope": ["live", "live"]}, "its scope"),
        ({"scope": ["live", {}]}, "its scope"),
        ({"scope": "live"}, "wrong type"),
        ({"recorded": "yesterday"}, "none in UTC"),
        ({"recorded": "2026-01-02T03:04:05.000"}, "none in UTC"),
        ({"recorded": "2026-01-02T03:04:05.000+01:00"}, "none in UTC"),
        ({"expires": "2026-13-02T03:04:05.000+00:00"}, "none in UTC"),
        ({"revoked": "0"}, "none in UTC"),
        ({"photo_digests": "ab"}, "wrong type"),
        ({"photo_digests": ["AB" * 32]}, "wrong type"),
        ({"photo_digests": [DIGEST + "\n"]}, "wrong type"),
        ({"extra": 1}, "exactly the keys"),
        ({"format": 1}, "must be of format 2"),
        ({"format": True}, "changed|must be of format 2|wrong"),
    ],
)
def test_anything_off_is_refused_even_where_it_is_signed(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConsentRefused, match=told) as caught:
        from_json(forged(**change), "ann", SIGNER)
    assert "'ann'" in str(caught.value)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b"null", b"[" * 100_000, b'{"basis": "self"}', b"\xff", b'{"format": 2, "format": 2}']
)
def test_no_record_at_all(text: bytes) -> None:
    with pytest.raises(ConsentRefused, match="cannot be used"):
        from_json(text, "ann", SIGNER)


@settings(deadline=None)
@given(st.integers(0, 600), st.integers(1, 255))
def test_no_byte_can_be_changed(place: int, change: int) -> None:
    """It is refused, or the bytes mean the very same record: a space more or less."""
    text = bytearray(to_json(MADE, "ann", SIGNER))
    text[place % len(text)] ^= change
    try:
        assert from_json(bytes(text), "ann", SIGNER) == MADE
    except ConsentRefused:
        return


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(json.loads(to_json(MADE, "ann", SIGNER)))), _JSON, max_size=4))
def test_whatever_is_in_it_is_a_record_or_refused(change: dict[str, object]) -> None:
    content = json.loads(to_json(MADE, "ann", SIGNER)) | change
    try:
        assert from_json(json.dumps(content).encode(), "ann", SIGNER) == MADE
    except ConsentRefused:
        return


def test_what_makes_it_void_is_told_with_what_to_do() -> None:
    later = NOW + timedelta(days=2)
    ending = record(Terms(Basis.SELF, expires=stamped(NOW + timedelta(days=1))), [], NOW)
    refuse_invalid("ann", ending, NOW, *Scope)
    with pytest.raises(ConsentRefused, match=r"'ann' ended on 2026-01-03 03:04 UTC.*consent ann --renew --expires"):
        refuse_invalid("ann", ending, later)
    revoked = Consent(Basis.SELF, "", stamped(NOW), (), revoked=stamped(NOW))
    with pytest.raises(ConsentRefused, match=r"taken back on 2026-01-02.*livecam faces consent ann --renew"):
        refuse_invalid("ann", revoked, NOW)
    with pytest.raises(ConsentRefused, match=r"not stated on what ground.*--renew --basis self\|written"):
        refuse_invalid("ann", Consent(Basis.UNSTATED, "", stamped(NOW), ()), NOW)
    with pytest.raises(ConsentRefused, match=r"not for recordings and videos.*--renew --scope live,recording$"):
        refuse_invalid("ann", MADE, NOW, Scope.LIVE, Scope.RECORDING)
    with pytest.raises(ConsentRefused, match=r"not for snapshots and pictures.*--scope live,still$"):
        refuse_invalid("ann", MADE, NOW, Scope.STILL)


def test_scopes_and_ends_are_read_as_they_are_written_in_commands() -> None:
    assert parsed_scope("live, still") == {Scope.LIVE, Scope.STILL}
    assert parsed_expiry("never", NOW) == ""
    assert parsed_expiry("30d", NOW) == "2026-02-01T03:04:05.000+00:00"
    assert parsed_expiry("2027-01-01", NOW) == "2027-01-01T00:00:00.000+00:00"
    for wrong in ("", ",", "film", "live,film"):
        with pytest.raises(ConfigError, match="--scope takes"):
            parsed_scope(wrong)
    for wrong in ("", "soon", "2027-13-01", "d", "99999d", "999999d", "2027-01-01T00:00", "-3d"):
        with pytest.raises(ConfigError, match=r"--expires takes|in the past"):
            parsed_expiry(wrong, NOW.replace(year=9990))
    for past in ("2026-01-02", "0d", "1999-01-01"):
        with pytest.raises(ConfigError, match="lies in the past"):
            parsed_expiry(past, NOW)
