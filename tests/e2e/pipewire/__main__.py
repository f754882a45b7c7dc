"""Runs a command in a PipeWire session of its own: ``python -m tests.e2e.pipewire COMMAND [ARGUMENT...]``."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from livecam.config import Paths
from tests.e2e.pipewire.session import Session, lacking


def main() -> int:
    """The command's exit status."""
    reason = lacking()
    if reason:
        sys.exit(reason)
    with (
        tempfile.TemporaryDirectory(prefix="pw-", ignore_cleanup_errors=True) as folder,
        Session(Path(folder)) as session,
    ):
        # The session has a home of its own, without networks.
        environment = {**session.environment, "LIVECAM_CACHE": os.fspath(Paths.find().cache)}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
