"""Work aside: a few hands, few pieces that wait, and results and errors where they are awaited."""

import asyncio
import threading

import pytest

from livecam.control.web.crew import MOST, Busy, Crew


def test_a_few_work_a_few_wait_and_the_rest_is_refused() -> None:
    free = threading.Event()
    begun: list[int] = []

    def work() -> int:
        begun.append(1)
        assert free.wait(60)
        return 1

    async def run() -> list[int]:
        crew = Crew(2)
        tasks = [asyncio.create_task(crew.do(work)) for _ in range(2 + MOST)]
        while len(begun) < 2:
            await asyncio.sleep(0.005)
        with pytest.raises(Busy):
            await crew.do(work)
        # Two hands, so nothing else has begun.
        assert len(begun) == 2
        free.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [1] * (2 + MOST)


def test_errors_come_where_the_work_is_awaited() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Crew(1).do(lambda: 1 // 0))


def test_the_end_does_not_wait_for_work_that_hangs() -> None:
    free = threading.Event()

    async def run() -> None:
        task = asyncio.create_task(Crew(1).do(lambda: free.wait(60)))
        await asyncio.sleep(0.01)
        task.cancel()

    ending = threading.Thread(target=lambda: asyncio.run(run()))
    ending.start()
    ending.join(30)
    assert not ending.is_alive()
    free.set()
