import pytest

from tests.canvas.host_kernels import HostKernels, build, compiler


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> HostKernels:
    """The kernels on the host; the library is kept beside pytest's own folders and found again by its text."""
    command = compiler()
    if command is None:
        pytest.skip("no C++ compiler, so that the CUDA kernels cannot be run on the host")
    return HostKernels(build(command, tmp_path_factory.getbasetemp().parent))
