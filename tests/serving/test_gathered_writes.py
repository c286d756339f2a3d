"""What one turn of the loop writes goes out at once, in its order, and before the connection is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from runner.serving.gathered_writes import AT_ONCE, GatheredWrites


class Wire:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def on_a_wire(work: Callable[[Any], Any]) -> Wire:
    wire = Wire()

    async def one() -> None:
        await work(GatheredWrites(cast("asyncio.Transport", wire), asyncio.get_running_loop()))

    asyncio.run(one())
    return wire


def test_writes_of_one_turn_go_out_together_and_those_of_the_next_by_themselves():
    async def work(transport: Any) -> None:
        for part in (b"head", b"", b"first"):
            transport.write(part)
        await asyncio.sleep(0)
        transport.write(b"second")
        await asyncio.sleep(0)
        transport.write(b"")
        await asyncio.sleep(0)

    assert on_a_wire(work).sent == [b"headfirst", b"second"]


def test_much_is_not_held_back():
    async def work(transport: Any) -> None:
        transport.write(b"a")
        transport.write(b"b" * AT_ONCE)
        transport.write(b"c")
        await asyncio.sleep(0)

    assert on_a_wire(work).sent == [b"a" + b"b" * AT_ONCE, b"c"]


def test_what_is_held_is_sent_before_the_end():
    async def work(transport: Any) -> None:
        transport.write(b"last")
        assert not transport.is_closing()
        transport.close()
        assert transport.is_closing()
        await asyncio.sleep(0)

    assert on_a_wire(work).sent == [b"last"]
