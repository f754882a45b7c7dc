"""What runs the networks: the graphics card, every backend with its reason, what was compiled and what was measured."""

from collections.abc import Iterable
from typing import Final

from livecam.config import Provider, Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.errors import ConfigError, LivecamError
from livecam.inference.backends import (
    NVIDIA,
    Backend,
    Outlook,
    Verdict,
    choose,
    embedded_backend,
    judge,
    outdated,
    survey,
)
from livecam.inference.card import Card

_MB: Final = 1_000_000


def check_card(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Which NVIDIA graphics card there is, and whether its driver is new enough."""
    card = machine.facts().card()
    if not isinstance(card, Card):
        yield Finding("gpu", Status.INFO, card.reason, card.next_step)
        return
    old = outdated(card)
    if old is not None:
        yield Finding("gpu", Status.WARN, old.reason, old.next_step)
    else:
        yield Finding("gpu", Status.OK, f"{card}; its driver knows CUDA {card.cuda_told}.")


def check_backends(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Every backend: taken, usable, or why not. One that would use an idle graphics card is a warning."""
    verdicts = survey(machine.facts())
    idle = isinstance(machine.facts().card(), Card) and not any(
        verdict.backend in NVIDIA and verdict.outlook is not Outlook.REFUSED for verdict in verdicts
    )
    for verdict in verdicts:
        # The first is the best for the card, so that one is worth repairing.
        status = _status(verdict, idle and verdict is verdicts[0])
        yield Finding(f"backend {verdict.backend}", status, _told(verdict), verdict.next_step)


def check_provider(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """What the configured preset runs on, and the embedded networks, which follow the face."""
    asked, facts = resolved.config.models.provider, machine.facts()
    neural, preset = resolved.config.neural.chain.swapper, resolved.config.neural.preset
    embedded = embedded_backend(asked)
    refusal = judge(embedded, facts)
    if refusal is not None:
        told = f"The embedded networks cannot run on {embedded}: {refusal.reason}"
        yield Finding("providers", Status.FAIL, told, refusal.next_step)
        return
    try:
        chosen = choose(asked, facts) if neural or asked is not Provider.AUTO else embedded
    except ConfigError as error:
        yield Finding("providers", Status.FAIL, error.what, error.next_step)
        return
    follows = f"the embedded networks run on {embedded}"
    if not neural:
        yield Finding("providers", Status.OK, f"{asked}: {follows}.")
    elif chosen is Backend.CPU:
        told = f"{asked}: the preset {preset} runs on the processor, where a frame takes seconds."
        yield Finding("providers", Status.WARN, told, "livecam run --preset mesh")
    else:
        yield Finding("providers", Status.OK, f"{asked}: the preset {preset} runs on {chosen}; {follows}.")


def check_plans(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """What was compiled, and what of it must not be used."""
    try:
        plans = machine.plans()
    except LivecamError as error:
        yield Finding("engines", Status.WARN, error.what, error.next_step)
        return
    if not plans.count:
        yield Finding("engines", Status.INFO, f"Nothing is compiled in {plans.folder}.")
        return
    told = (
        f"{plans.count} compiled {'network' if plans.count == 1 else 'networks'} or caches of them, "
        f"{plans.size / _MB:,.0f} of {plans.budget / _MB:,.0f} MB, in {plans.folder}."
    )
    yield Finding("engines", Status.OK, told)
    for name, reason in plans.unsound.items():
        yield Finding("engines", Status.WARN, f"{name} must not be used: {reason}.", "livecam engines verify")


def check_tuned(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether it was measured what is the quickest for the networks of the preset."""
    if not resolved.config.neural.chain.swapper:
        return
    tuned = machine.tuned()
    if tuned.note:
        yield Finding("tuned", Status.INFO, tuned.note, tuned.next_step)
        return
    told = ", ".join(f"{name} on {choice.backend}" for name, choice in tuned.choices.items())
    yield Finding("tuned", Status.OK, f"Measured here: {told}.")


def _status(verdict: Verdict, is_worth_repair: bool) -> Status:
    if verdict.outlook is Outlook.REFUSED:
        return Status.WARN if is_worth_repair else Status.INFO
    return Status.OK


def _told(verdict: Verdict) -> str:
    match verdict.outlook:
        case Outlook.TAKEN:
            return f"Taken. {verdict.reason}"
        case Outlook.REFUSED:
            return f"Not taken. {verdict.reason}"
        case Outlook.USABLE:
            return verdict.reason
