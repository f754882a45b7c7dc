"""What is agreed when a face is let to be worn, what makes it void, and how it is told. Needs no key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from livecam.core.persona import EVERY_SCOPE, Basis, Consent, Scope
from livecam.errors import ConfigError, ConsentRefused, PersonaError

LONGEST_SUBJECT: Final = 200
STATED: Final = tuple(basis for basis in Basis if basis is not Basis.UNSTATED)
"""The grounds on which a face may be worn."""

_NEVER: Final = "never"
_NARROW: Final = frozenset({Scope.LIVE})
_DAYS = re.compile(r"(\d{1,5})d")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of a consent when it is given.

    Attributes:
        basis: On what ground.
        subject: Whose face it is.
        scope: For what; None for what is usual on that ground.
        expires: UTC time of its end as `stamped` writes it; "" for never.

    Raises:
        PersonaError: The subject is no short line of text, or there is no scope.
    """

    basis: Basis
    subject: str = ""
    scope: frozenset[Scope] | None = None
    expires: str = ""

    def __post_init__(self) -> None:
        refuse_unfit_subject(self.subject)
        if self.scope is not None and not self.scope:
            raise PersonaError("A face that may be worn for nothing needs no consent.", f"Known: {', '.join(Scope)}.")


def refuse_unfit_subject(subject: str) -> None:
    """Refuse a subject that no record can hold.

    Raises:
        PersonaError: It is no short line of text.
    """
    if len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise PersonaError(f"The subject must be one line of at most {LONGEST_SUBJECT} characters.")


def usual_scope(basis: Basis) -> frozenset[Scope]:
    """For what a face may be worn where nothing else was said: another person's live alone."""
    return EVERY_SCOPE if basis in (Basis.SELF, Basis.SYNTHETIC) else _NARROW


def stamped(moment: datetime) -> str:
    """`moment`, which has a time zone, as records write it: UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def record(terms: Terms, photo_digests: Sequence[str], now: datetime | None = None) -> Consent:
    """A new record of `terms`, stamped with `now` or the present time.

    Raises:
        ConsentRefused: No ground is stated.
    """
    if terms.basis is Basis.UNSTATED:
        raise ConsentRefused("It must be said on what ground a face may be worn.", f"Say one of {', '.join(STATED)}.")
    scope = terms.scope if terms.scope is not None else usual_scope(terms.basis)
    at = stamped(now or datetime.now(UTC))
    return Consent(terms.basis, terms.subject, at, tuple(photo_digests), scope, terms.expires)


def parsed_scope(text: str) -> frozenset[Scope]:
    """A scope as it is written in commands, such as ``live,still``.

    Raises:
        ConfigError: It names none, or something else.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in list(Scope)]
    if unknown or not words:
        raise ConfigError(f"--scope takes one or several of {','.join(Scope)}, not {text!r}.")
    return frozenset(Scope(word) for word in words)


def parsed_expiry(text: str, now: datetime | None = None) -> str:
    """An end as it is written in commands: a day such as ``2027-01-01``, ``30d`` from now, or ``never``.

    A day ends a consent when it begins, in UTC.

    Returns:
        As `stamped` writes it; "" for never.

    Raises:
        ConfigError: It is none of these, or lies in the past.
    """
    now = now or datetime.now(UTC)
    if text == _NEVER:
        return ""
    try:
        moment = _moment(text, now)
    except (ValueError, OverflowError):
        raise ConfigError(f"--expires takes a day such as 2027-01-01, 30d, or {_NEVER}, not {text!r}.") from None
    if moment <= now:
        raise ConfigError(f"The end of the consent, {text}, lies in the past.", "Name a day to come, 30d, or never.")
    return stamped(moment)


def _moment(text: str, now: datetime) -> datetime:
    days = _DAYS.fullmatch(text)
    if days:
        return now + timedelta(days=int(days[1]))
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def refuse_invalid(persona: str, consent: Consent, now: datetime, *needs: Scope) -> None:
    """Refuse a record that is good for nothing, or not for all of `needs`.

    Raises:
        ConsentRefused: No ground is stated, it was taken back, has come to its end, or does not cover what is needed.
    """
    renew = f"livecam faces consent {persona} --renew"
    if consent.basis is Basis.UNSTATED:
        raise ConsentRefused(
            f"It is not stated on what ground {persona!r} may be worn.", f"State it: {renew} --basis {'|'.join(STATED)}"
        )
    if consent.revoked:
        raise ConsentRefused(
            f"The consent for {persona!r} was taken back on {told_instant(consent.revoked)}.",
            f"If it was given again: {renew}",
        )
    if consent.expired(now):
        raise ConsentRefused(
            f"The consent for {persona!r} ended on {told_instant(consent.expires)}.",
            f"If it was given again: {renew} --expires 30d",
        )
    for need in needs:
        if need not in consent.scope:
            wider = told_scope(consent.scope | {need})
            raise ConsentRefused(
                f"The consent for {persona!r} is not for {_MEANS[need]}.", f"If it was given: {renew} --scope {wider}"
            )


def holds_now(name: str, consent: Consent) -> None:
    """Refuse a consent that does not hold at present, for whatever.

    Raises:
        ConsentRefused: It does not.
    """
    refuse_invalid(name, consent, utc_now())


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


_MEANS: Final = {
    Scope.LIVE: "wearing that face live",
    Scope.RECORDING: "recordings and videos",
    Scope.STILL: "snapshots and pictures",
}


def told_instant(text: str) -> str:
    """A time of a record in words."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def told_scope(scope: frozenset[Scope]) -> str:
    """A scope as it is written in commands, such as ``live,still``."""
    return ",".join(one for one in Scope if one in scope)
