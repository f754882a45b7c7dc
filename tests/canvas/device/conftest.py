from collections.abc import Callable
from pathlib import Path

import pytest

from tests.canvas.device.chains import How, Rig
from tests.canvas.host_device import HostDevice


@pytest.fixture
def rig(device: HostDevice, tmp_path: Path) -> Callable[..., Rig]:
    """Builds both chains; see `How`."""

    def build(**how: object) -> Rig:
        return Rig(device, tmp_path, How(**how))  # type: ignore[arg-type]

    return build
