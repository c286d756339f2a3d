"""Requests through a gateway: who answers, who is next, what it costs, and what is remembered of a conversation."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from runner.data.prompt_rows import Row
from runner.gateway.backend_choice import Policy
from runner.gateway.scoring import SHORT, Scorer
from runner.serving.completions import Refusal, Request
from tests.gateway.desk import Router, gateway, said, user
from tests.gateway.stub_backend import HANG, KILL, Reply, Stub, answer, delta, refusal, usage

TOOLS = [{"type": "function", "function": {"name": "look"}}]


def run(scenario: Any) -> Any:
    return asyncio.run(scenario)


def test_each_request_goes_to_whom_the_router_prefers_and_says_why_and_at_what_cost():
    async def scenario() -> None:
        async with gateway() as (own, _):
            text, headers = await said(own, user("ask middle about cats"))
            assert text == "I am middle"
            assert headers["x-runner-model"] == "middle" and headers["x-runner-why"] == "chosen"
            # Ten tokens of prompt and one of answer, at 4 a million; at the strongest's prices, 20 a million.
            assert float(headers["x-runner-cost"]) == pytest.approx(44e-6)
            assert float(headers["x-runner-saved"]) == pytest.approx(11 * 16e-6)
            assert headers["x-runner-against"] == "big" and headers["x-runner-usage"] == "reported"

    run(scenario())


def test_a_trade_off_in_the_name_of_the_model_goes_for_one_request():
    async def scenario() -> None:
        async with gateway() as (own, _):
            assert (await said(own, user("big, please")))[0] == "I am big"
            assert (await said(own, user("big, please", model="router-1000000", user="x")))[0] == "I am small"
            assert (await said(own, user("Hello", model="middle")))[1]["x-runner-why"] == "asked"
            for name in ("router-", "router-x", "router--1", "router-1e3", "nobody"):
                with pytest.raises(Refusal) as caught:
                    await own.start(user("Hello", model=name))
                assert caught.value.status == 404 and caught.value.param == "model"
            assert own.find("router-0.5").name == "router" and own.find("big").name == "big"
            assert own.find("router-x") is None

    run(scenario())


def test_between_two_the_number_in_the_name_is_the_threshold():
    policy = Policy(strong="big", weak="small", threshold=0.99)

    async def scenario() -> None:
        async with gateway(policy) as (own, _):
            assert (await said(own, user("big, please")))[0] == "I am small"
            assert (await said(own, user("big, please", model="router-0.5", user="x")))[0] == "I am big"
            assert own.find("router-2") is None

    run(scenario())


@pytest.mark.parametrize(
    "fault",
    [Reply([KILL]), Reply([HANG]), Reply([b"data: {\n\n"]), refusal(500), refusal(429), refusal(401),
     Reply([delta("half"), KILL])],
)  # fmt: skip
def test_where_one_fails_the_next_best_answers_and_nothing_is_lost(fault):
    async def scenario() -> None:
        async with gateway(stubs={"big": Stub(fault)}, fields={"big": {"timeout": 0.3}}) as (own, _):
            text, headers = await said(own, user("big or middle?"))
            assert text == "I am middle"
            assert headers["x-runner-why"] == "failover from big" and headers["x-runner-failed"].startswith("big: ")
            assert sum(value for _, value in own.counters.values("failovers_total")) == 1

    run(scenario())


def test_a_stream_is_begun_elsewhere_before_its_first_piece_and_tells_of_its_end_after_it():
    async def scenario() -> None:
        stubs = {"big": Stub(Reply([delta("half"), KILL]), [Reply([KILL])])}
        async with gateway(stubs=stubs) as (own, _):
            assert (await said(own, user("big or middle?", streamed=True)))[0] == "I am middle"
            answering = await own.start(user("only big", streamed=True))
            got = []
            with pytest.raises(Refusal) as caught:
                async for piece in answering.pieces():
                    got.append(piece.text)
            await answering.close()
            assert got == ["half"] and caught.value.as_dict()["error"]["message"] == "the connection broke"
            await own.close()
            ended = {labels["outcome"] for labels, value in own.counters.values("requests_total") if value}
            assert ended == {"ok", "broken"}

    run(scenario())


def test_where_nobody_answers_each_is_named_with_what_it_did():
    async def scenario() -> None:
        stubs = {name: Stub(refusal(500)) for name in ("small", "middle")} | {"big": Stub(Reply([KILL]))}
        async with gateway(stubs=stubs) as (own, _):
            with pytest.raises(Refusal) as caught:
                await own.start(user("big"))
            assert caught.value.status == 503 and caught.value.retry_after == 7
            for told in ("small: HTTP 500", "middle: HTTP 500", "big: the connection broke"):
                assert told in caught.value.message
            (value,) = [value for _, value in own.counters.values("in_flight")]
            assert value == 0

    run(scenario())


def test_a_fault_of_the_request_itself_is_asked_of_nobody_else():
    async def scenario() -> None:
        stubs = {"big": Stub(refusal(400, "temperature is too high", param="temperature"))}
        async with gateway(stubs=stubs) as (own, found):
            with pytest.raises(Refusal, match="temperature is too high"):
                await own.start(user("big"))
            assert not found["middle"].bodies

    run(scenario())


def test_one_that_fails_again_and_again_is_asked_last_for_a_while():
    async def scenario() -> None:
        async with gateway(stubs={"big": Stub(refusal(500))}) as (own, found):
            for turn in range(5):
                assert (await said(own, user(f"big, {turn}")))[0] != "I am big"
            assert len(found["big"].bodies) == 3

    run(scenario())


def test_what_a_request_needs_and_an_llm_lacks_leaves_that_llm_out():
    picture = [{"type": "text", "text": "small, what is this?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    fields = {
        "middle": {"tools": True, "context_length": 2000},
        "big": {"images": True},
        "small": {"context_length": 60},
    }

    async def scenario() -> None:
        async with gateway(fields=fields) as (own, _):
            text, headers = await said(own, user("small, look", tools=TOOLS))
            assert (text, headers["x-runner-why"]) == ("I am middle", "tools")
            text, headers = await said(own, user(picture))
            assert (text, headers["x-runner-why"]) == ("I am big", "images")
            text, headers = await said(own, user("small, read " + "words " * 100))
            assert text != "I am small" and headers["x-runner-why"] == "length"
            text, headers = await said(own, user("small and short", settings={"max_tokens": 3000}))
            assert (text, headers["x-runner-why"]) == ("I am big", "length")
            with pytest.raises(Refusal) as caught:
                await own.start(user(picture, tools=TOOLS))
            assert caught.value.status == 400 and "do not call tools or look at pictures" in caught.value.message
            with pytest.raises(Refusal, match=r"messages.0.content.0: a part is text or image_url"):
                await own.start(user([{"type": "input_audio", "input_audio": {}}]))

    run(scenario())


def test_a_prompt_that_a_backend_calls_too_long_goes_to_the_next():
    async def scenario() -> None:
        stubs = {"small": Stub(refusal(400, "prompt is too long", code="context_length_exceeded"))}
        async with gateway(stubs=stubs) as (own, found):
            for turn in range(4):
                assert (await said(own, user(f"small: {turn}")))[0] != "I am small"
            # That says nothing of its health.
            assert len(found["small"].bodies) == 4

    run(scenario())


def talk(first: str, *more: str) -> list[dict[str, Any]]:
    turns = [{"role": "user", "content": first}]
    for text in more:
        turns += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": text}]
    return turns


async def goes_to(own: Any, messages: list[dict[str, Any]], **more: Any) -> tuple[str, str]:
    _, headers = await said(own, Request("router", tuple(messages), streamed=False, **more))
    return headers["x-runner-model"], headers["x-runner-why"]


def test_a_loop_of_tools_stays_with_who_called_them():
    calls = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "look"}}]}
    result = {"role": "tool", "tool_call_id": "c", "content": "small small small"}
    fields = {name: {"tools": True} for name in ("small", "middle", "big")}

    async def scenario() -> None:
        async with gateway(fields=fields) as (own, _):
            first = talk("big: look at it")
            assert await goes_to(own, first, fields={"tools": TOOLS}) == ("big", "chosen")
            assert await goes_to(own, [*first, calls, result], fields={"tools": TOOLS}) == ("big", "tool-loop")
            # The loop is over: the router may choose again.
            over = [*first, calls, result, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "small"}]
            assert (await goes_to(own, over, fields={"tools": TOOLS}))[0] == "small"

    run(scenario())


def test_a_conversation_stays_where_it_is_unless_another_is_better_by_more_than_the_margin():
    async def scenario(margin: float) -> tuple[str, str]:
        async with gateway(Policy(margin=margin)) as (own, _):
            assert await goes_to(own, talk("big")) == ("big", "chosen")
            return await goes_to(own, talk("big", "now small"))

    assert run(scenario(0.05)) == ("small", "switched")
    assert run(scenario(0.9)) == ("big", "session")


def test_the_cost_of_a_lost_cache_is_part_of_the_comparison():
    """Of two LLMs at one price, the better one is asked, unless the other still has the prompt at a tenth of it."""
    long = "words " * 3000
    price = {"input": 10, "output": 10, "cached": 1, "answer_tokens": 10}

    async def scenario(cached: bool) -> tuple[str, str]:
        prices = price if cached else {name: value for name, value in price.items() if name != "cached"}
        fields = {name: {"price": prices} for name in ("small", "middle", "big")}
        stubs = {"middle": Stub(Reply(answer("ok", prompt=4500)))}
        async with gateway(Policy(rate=15.0, margin=0.0), stubs, fields) as (own, _):
            assert (await goes_to(own, talk(f"middle {long}")))[0] == "middle"
            return await goes_to(own, talk(f"middle {long}", "small"))

    assert run(scenario(False)) == ("small", "switched")
    assert run(scenario(True)) == ("middle", "session")


def test_a_given_key_holds_a_conversation_together_whose_beginning_changes():
    async def scenario(**more: Any) -> str:
        async with gateway(Policy(margin=0.9)) as (own, _):
            await goes_to(own, talk("big"), **more)
            return (await goes_to(own, talk("small, the story so far was made shorter"), **more))[1]

    assert run(scenario(headers={"x-runner-session": "s1"})) == "session"
    assert run(scenario(fields={"prompt_cache_key": "s1"})) == "session"
    assert run(scenario(fields={"user": "u1"})) == "chosen"
    assert run(scenario()) == "chosen"


def test_two_users_who_begin_alike_are_two_conversations():
    async def scenario() -> None:
        async with gateway(Policy(margin=0.9)) as (own, _):
            await goes_to(own, talk("big"), fields={"user": "ada"})
            assert (await goes_to(own, talk("big", "small"), fields={"user": "bob"}))[0] == "small"
            assert (await goes_to(own, talk("big", "small"), fields={"user": "ada"}))[0] == "big"

    run(scenario())


def test_a_router_that_fails_loses_no_request():
    async def scenario() -> None:
        async with gateway() as (own, _):
            text, headers = await said(own, user("broken"))
            assert (text, headers["x-runner-why"]) == ("I am big", "router-failed")

    run(scenario())


def test_requests_that_come_together_are_read_together_and_a_known_prompt_is_not_read_again():
    async def scenario() -> None:
        router = Router()
        async with gateway(router=router) as (own, _):
            await asyncio.gather(*(said(own, user(f"small {at}", user=str(at))) for at in range(30)))
            assert sum(router.batches) == 30 and len(router.batches) < 10
            await said(own, user("small 3", user="else"))
            assert sum(router.batches) == 30

    run(scenario())


def test_a_router_that_takes_no_time_is_asked_in_the_loop_itself_and_another_is_not():
    class Watched(Router):
        def answer(self, rows, batch_size):
            threads.append(threading.current_thread())
            return super().answer(rows, batch_size)

    async def asked(took: float, text: str) -> None:
        scorer._took = took
        await scorer.scores(Row(text))

    async def all_of_them() -> None:
        await asked(float("inf"), "how long it takes is not known yet")
        await asked(1e-6, "quick")
        await asked(1.0, "slow")
        await asked(1e-6, "long " * SHORT)
        await scorer.close()

    threads: list[threading.Thread] = []
    scorer = Scorer(cast("Any", Watched()))
    asyncio.run(all_of_them())
    assert [thread is threading.main_thread() for thread in threads] == [False, True, False, False]
    assert 0 < scorer._took < 60


def test_usage_that_cannot_be_is_counted_by_characters_and_said_so():
    async def scenario() -> None:
        stubs = {"small": Stub(Reply([delta("x" * 40), delta(finish="stop"), usage(-5, 2)]))}
        async with gateway(stubs=stubs) as (own, _):
            answering = await own.start(user("small"))
            await answering.close()
            headers = answering.headers
            assert headers["x-runner-usage"] == "estimated"
            assert answering.usage.completion_tokens == 10 and answering.usage.prompt_tokens == 5

    run(scenario())


def test_in_shadow_the_present_model_answers_and_the_router_chooses_silently():
    async def scenario() -> None:
        async with gateway(present="big") as (own, found):
            text, headers = await said(own, user("small, please"))
            assert (text, headers["x-runner-why"]) == ("I am big", "present")
            await own.close()
            assert not found["small"].bodies
            assert [labels["model"] for labels, value in own.counters.values("shadow_choices_total") if value] == [
                "small"
            ]

    run(scenario())


def test_saved_is_nothing_where_the_strongest_itself_answers_and_counts_the_cache_it_would_have_had():
    price = {"input": 10, "output": 10, "cached": 1, "answer_tokens": 10}
    strong = {"input": 20, "output": 20, "cached": 2, "answer_tokens": 10}
    fields = {"small": {"price": price}, "middle": {"price": price}, "big": {"price": strong}}
    stubs = {"small": Stub(Reply(answer("x", prompt=100, completion=1)))}

    async def scenario() -> None:
        async with gateway(fields=fields, stubs=stubs) as (own, _):
            assert float((await said(own, user("big")))[1]["x-runner-saved"]) == 0
            _, headers = await said(own, Request("router", tuple(talk("small")), streamed=False))
            assert float(headers["x-runner-saved"]) == pytest.approx(101 * 10e-6)
            _, headers = await said(own, Request("router", tuple(talk("small", "and small")), streamed=False))
            # The strongest would have had the hundred tokens of the turn before at a tenth of their price.
            assert float(headers["x-runner-saved"]) == pytest.approx((100 * 2 + 20) * 1e-6 - 101 * 10e-6)

    run(scenario())
