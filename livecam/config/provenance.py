"""Settings of what a file says about where it comes from."""

from dataclasses import dataclass, field

from livecam.config.kinds import Switch
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class ProvenanceConfig:
    """C2PA manifests in files."""

    sign: bool = field(
        default=True,
        metadata=about(
            Switch(),
            "--sign",
            "Put a signed C2PA manifest into recordings, snapshots and converted files, which says that AI modified "
            "them; needs the extra provenance.",
        ),
    )
