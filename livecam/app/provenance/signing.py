"""The signer of a run, made of its configuration."""

from collections.abc import Callable
from pathlib import Path

from livecam.app.provenance.made import Made
from livecam.app.provenance.signer import Signer
from livecam.config import Config, Paths


def signer_of(config: Config, paths: Paths, session: int) -> Signer:
    """Signs as this installation does, unless the configuration says not to."""

    def sign(path: Path, made: Made, stopped: Callable[[], bool]) -> None:
        # They bring the codecs of certificates and manifests, which nothing waits for.
        from livecam.app.provenance import manifest
        from livecam.app.provenance.certificates import signing_of

        manifest.demand_extra()
        manifest.sign(path, made, signing_of(paths.data), stopped)

    return Signer(session, sign if config.provenance.sign else None)
