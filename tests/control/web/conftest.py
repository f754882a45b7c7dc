from collections.abc import Iterator

import httpx
import pytest

from tests.control.web.served import Served
from tests.patience import wait_longer


@pytest.fixture(scope="package", autouse=True)
def unhurried_start() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        wait_longer(patch, ("livecam.output.local_server._START_S",))
        yield


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One for a file of tests."""
    served = Served()
    yield served
    served.server.stop()


@pytest.fixture
def fresh() -> Iterator[Served]:
    """One for a single test."""
    served = Served()
    yield served
    served.server.stop()


@pytest.fixture
def browser(served: Served) -> Iterator[httpx.Client]:
    """Let in, and may change things."""
    with served.browser() as client:
        yield client
