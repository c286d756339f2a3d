"""A server lives long: its memory does not grow with what it has answered."""

from __future__ import annotations

import asyncio
import itertools

import httpx
import psutil
import pytest

from tests.conftest import Desk
from tests.serving.running import PATIENCE
from tests.serving.test_start_and_end import begun
from tests.talking_models import CHATS

#: Requests that are not counted, and the rounds of those that are; bytes that each of these may leave behind at most.
#: Libraries keep something for every length and word that is new, up to a bound: about two thousand bytes a request.
FIRST, ROUNDS, ROUND, KEPT = 200, 3, 600, 8 * 1024
#: Under way at a time.
TOGETHER = 16


async def ask(address: str, count: int, start: int) -> None:
    """Whole answers, streams, streams that are left in the middle, and refusals."""
    room = asyncio.Semaphore(TOGETHER)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE, trust_env=False) as client:

        async def one(at: int) -> None:
            question = [{"role": "user", "content": f"Question {at}: {'why ' * (at % 20)}"}]
            body = {"model": CHATS, "messages": question, "max_tokens": 3, "temperature": 1, "logprobs": at % 3 == 0}
            if at % 4 == 0:
                body["stream"] = True
            elif at % 4 == 1:
                body[f"field{at}"] = at
            async with room, client.stream("POST", "/v1/chat/completions", json=body) as response:
                assert response.status_code == (400 if at % 4 == 1 else 200)
                async for _ in response.aiter_lines():
                    if at % 8 == 0:
                        break

        await asyncio.gather(*map(one, range(start, start + count)))


@pytest.mark.slow
@pytest.mark.warm
def test_a_server_takes_no_more_memory_for_having_answered_many(talking: Desk):
    with begun(talking, CHATS) as (process, address):
        server = psutil.Process(process.pid)
        asyncio.run(ask(address, FIRST, 0))
        resident = [server.memory_info().rss]
        for at in range(ROUNDS):
            asyncio.run(ask(address, ROUND, FIRST + at * ROUND))
            resident.append(server.memory_info().rss)
        # What is kept of requests grows with every round. An allocator takes a few MiB now and then, in one of them.
        grown = [later - before for before, later in itertools.pairwise(resident)]
        assert min(grown) < ROUND * KEPT, grown
