"""What an administrator has locked, and whether what was done is written down."""

from collections.abc import Iterable, Iterator

from livecam.config import Config, Policy, Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.privacy.audit_seal import FILES, seal_path


def check_policy(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Which policy is in force, and whether this configuration is within it. One that is wrong stops before this."""
    policy = resolved.policy
    if policy.place is None:
        yield Finding("policy", Status.INFO, "There is no policy: nothing is locked.")
        return
    refused = next(_refusals(resolved.config, policy), "")
    if refused:
        yield Finding("policy", Status.FAIL, refused, "livecam policy show")
        return
    locked = ", ".join(key for key, _ in policy.lines()) or "nothing"
    yield Finding("policy", Status.OK, f"{policy.place} locks {locked}.", "livecam policy show")


def _refusals(config: Config, policy: Policy) -> Iterator[str]:
    for name in (config.face.persona, *filter(None, dict(config.people.worn).values())):
        if not policy.allows_name(name):
            yield policy.refusal_of_name(name)
    for spec in config.output.sinks:
        if refusal := policy.refusal_of_output(spec.kind):
            yield refusal


def check_audit(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether what is done is written down, and where. Touches no key, so that it cannot say whether it is whole."""
    folder, audit = resolved.paths.data / "audit", resolved.config.audit
    if not audit.enabled:
        yield Finding("audit log", Status.WARN, "What is done is not written down.", "Leave out --no-audit.")
        return
    if any(folder.glob(FILES)) and not seal_path(folder).exists():
        told = f"The seal {seal_path(folder)} of the audit log is missing, so that nothing more can be written."
        yield Finding("audit log", Status.WARN, told, "livecam audit verify")
        return
    if why := machine.refusal(folder):
        status = Status.FAIL if resolved.policy.audit_required else Status.WARN
        yield Finding("audit log", status, f"{folder} cannot be written: {why}", "Free some space there.")
        return
    told = f"Written to {folder} and kept for {audit.keep_days:g} days."
    yield Finding("audit log", Status.OK, told, "livecam audit verify")
