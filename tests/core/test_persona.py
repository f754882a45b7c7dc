"""What a consent record says of itself."""

from datetime import UTC, datetime, timedelta

from livecam.core.persona import EVERY_SCOPE, Basis, Consent, Scope

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def consent(expires: str = "", revoked: str = "") -> Consent:
    return Consent(Basis.SELF, "", "2026-01-01T00:00:00.000+00:00", (), expires=expires, revoked=revoked)


def test_it_ends_at_the_moment_it_names_and_not_before() -> None:
    ending = consent(NOON.isoformat())
    assert not ending.expired(NOON - timedelta(milliseconds=1))
    assert ending.expired(NOON)
    assert not consent().expired(NOON), "without an end it has none"


def test_its_last_change_is_the_record_or_the_revocation() -> None:
    assert consent().changed == "2026-01-01T00:00:00.000+00:00"
    assert consent(revoked="2026-02-01T00:00:00.000+00:00").changed.startswith("2026-02")


def test_there_are_three_scopes() -> None:
    assert frozenset({Scope.LIVE, Scope.RECORDING, Scope.STILL}) == EVERY_SCOPE == consent().scope
