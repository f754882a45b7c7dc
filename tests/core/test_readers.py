"""How many read: who knows it, and who does not."""

import pytest

from livecam.core.readers import Readable, total


class Counted:
    """Knows who reads it."""

    readers: int | None = 2


def test_who_says_how_many_read_it_is_readable() -> None:
    assert isinstance(Counted(), Readable)
    assert not isinstance(object(), Readable)


@pytest.mark.parametrize(("counts", "whole"), [([], 0), ([1, 2], 3), ([0, 0], 0), ([1, None, 2], None), ([None], None)])
def test_as_soon_as_one_cannot_tell_nobody_can(counts: list[int | None], whole: int | None) -> None:
    assert total(counts) == whole
