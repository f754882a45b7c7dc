import pytest

from tests.canvas.host_device import HostDevice, host_kernels
from tests.canvas.host_kernels import HostKernels


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> HostKernels:
    """The kernels on the host."""
    return host_kernels(tmp_path_factory)


@pytest.fixture
def device(kernels: HostKernels) -> HostDevice:
    """A card over host memory."""
    return HostDevice(kernels)
