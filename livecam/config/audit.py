"""Settings of the audit log."""

from dataclasses import dataclass, field

from livecam.config.kinds import Number, Switch
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """What is written down of what was done."""

    enabled: bool = field(
        default=True,
        metadata=about(
            Switch(),
            "--audit",
            "Write down what was done and when: runs, personas by digest, label, panic, passthrough, who looked. "
            "Never a picture. See docs/audit.md.",
        ),
    )
    keep_days: float = field(
        default=365.0,
        metadata=about(Number(1, 36_500, "days"), "--audit-keep", "How long that is kept, at least."),
    )
