"""A server lives long: its memory does not grow with what it has answered."""

from __future__ import annotations

import asyncio

import openai
import psutil
import pytest

from tests.conftest import Desk
from tests.serving.running import PATIENCE
from tests.serving.test_start_and_end import begun
from tests.talking_models import CHATS

#: Requests that are not counted, and that are; bytes that each of the second may leave behind at most.
FIRST, MORE, KEPT = 600, 600, 10 * 1024


async def ask(address: str, count: int, start: int) -> None:
    """Whole answers, streams, streams that are left in the middle, and refusals, eight at a time."""
    room = asyncio.Semaphore(8)
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0, timeout=PATIENCE) as client:

        async def one(at: int) -> None:
            question = [{"role": "user", "content": f"Question {at}: {'why ' * (at % 20)}"}]
            fields = {"model": CHATS, "messages": question, "max_tokens": 8, "temperature": 1, "logprobs": at % 3 == 0}
            async with room:
                if at % 4 == 0:
                    stream = await client.chat.completions.create(**fields, stream=True)
                    async for _ in stream:
                        if at % 8 == 0:
                            await stream.close()
                            break
                elif at % 4 == 1:
                    with pytest.raises(openai.BadRequestError):
                        await client.chat.completions.create(**fields, extra_body={f"field{at}": at})
                else:
                    await client.chat.completions.create(**fields)

        await asyncio.gather(*map(one, range(start, start + count)))


@pytest.mark.slow
@pytest.mark.warm
def test_a_server_takes_no_more_memory_for_having_answered_many(talking: Desk):
    with begun(talking, CHATS) as (process, address):
        server = psutil.Process(process.pid)
        asyncio.run(ask(address, FIRST, 0))
        before = server.memory_info().rss
        asyncio.run(ask(address, MORE, FIRST))
        assert server.memory_info().rss - before < MORE * KEPT
