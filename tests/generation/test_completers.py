"""Completers: the same answers as ``infer``, alone and in company, streamed, cancelled, from threads and coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runner import Runner
from runner.errors import ConflictError, DataError, NotFoundError, UsageError
from runner.generation import Engine, MessageCompleter, TokenCompleter
from tests.conftest import Desk
from tests.talking_models import CHATS, GOES_ON, RANKS

ASKED = ["Hi", "What is 1 plus 2?", "Tell me all about the sea, and then some more of it.", "?", "Sum up."]
SHORT = {"max_new_tokens": 6}
#: Longer than any test waits for.
ENDLESS = {"max_new_tokens": 1900}


@pytest.fixture(scope="module")
def engine(talking: Desk) -> Iterator[Engine]:
    with Engine.open(CHATS, root=talking.home, rows=3) as opened:
        yield opened


@pytest.fixture(scope="module")
def talker(engine: Engine) -> MessageCompleter:
    return MessageCompleter(engine, **SHORT)


@pytest.mark.parametrize("fields", [{}, {"temperature": 1.3, "seed": 5}, {"temperature": 1.0, "stop": ["e", "a"]}])
def test_answers_are_those_of_infer_whatever_is_beside_them(talker, talking, fields):
    wanted = Runner(root=talking.home).infer(CHATS, ASKED, options=SHORT | fields).records
    found = talker.complete_all(ASKED, **fields)
    assert [each.text for each in found] == [record["completion"] for record in wanted]
    assert [each.finish_reason for each in found] == [record["finish_reason"] for record in wanted]
    assert [each.completion_tokens for each in found] == [record["completion_tokens"] for record in wanted]
    assert [each.prompt_tokens for each in found] == [record["prompt_tokens"] for record in wanted]
    assert [talker.complete(asked, **fields) for asked in ASKED] == found


def test_requests_of_other_options_share_a_batch(talker):
    kinds: list[dict[str, Any]] = [{}, {"temperature": 1.0, "seed": 1}, {"temperature": 2.0, "max_new_tokens": 3}]
    kinds += [{"max_new_tokens": 1}, {"system": "Be brief.", "temperature": 0.5}]
    pairs = list(zip(ASKED, kinds, strict=True))
    replies = [talker.start(asked, **fields) for asked, fields in pairs]
    assert [reply.result() for reply in replies] == [talker.complete(asked, **fields) for asked, fields in pairs]


def test_several_answers_are_drawn_apart_and_again_the_same(talker):
    found = [answer.text for answer in talker.samples("Hi", 4, temperature=1.5)]
    assert len(set(found)) == 4
    assert found == [answer.text for answer in talker.samples("Hi", 4, temperature=1.5)]
    assert found[0] == talker.complete("Hi", temperature=1.5).text


def test_all_that_is_asked_at_once_begins_in_one_step(engine, talker):
    fed: list[int] = []
    hook = engine.answerer.model.register_forward_pre_hook(
        lambda _, __, words: fed.append(len(words["input_ids"])), with_kwargs=True
    )
    try:
        talker.complete_all(["Hi", "Why?", "Sum up."], max_new_tokens=2, min_new_tokens=2)
        talker.samples("Hi", 3, temperature=1.5, max_new_tokens=2, min_new_tokens=2)
    finally:
        hook.remove()
    assert fed == [3, 3, 3, 3]


def test_a_stream_has_its_first_piece_before_its_end_and_all_of_the_answer(engine, talker):
    reply = talker.start("Hi", **ENDLESS)
    pieces = iter(reply)
    first = next(pieces)
    assert first and not reply.done
    reply.cancel()
    assert reply.result(300).finish_reason == "interrupted"
    assert (first + "".join(pieces)).strip() == reply.result().text.strip()
    whole = talker.start("Hi", temperature=1.0)
    # Read twice, and once it is over: the same.
    assert "".join(whole) == "".join(whole)
    assert "".join(whole).strip() == whole.result().text.strip()


def test_who_is_given_up_makes_room_and_leaves_the_others_as_they_are(engine, talker):
    endless = [talker.start(asked, **ENDLESS) for asked in ASKED[:3]]
    waiting = talker.start("And?")
    assert engine.unanswered == 4
    # Before it began, and while it is made.
    never = talker.start("Not at all")
    never.cancel()
    assert never.result(300).finish_reason == "interrupted" and never.result().completion_tokens == 0
    endless[1].cancel()
    assert waiting.result(300) == talker.complete("And?")
    for reply in endless:
        reply.cancel()
    assert [reply.result(300).finish_reason for reply in endless] == ["interrupted"] * 3
    with pytest.raises(TimeoutError):
        pending = talker.start("Hi", **ENDLESS)
        try:
            pending.result(0)
        finally:
            pending.cancel()


def test_coroutines_wait_and_stream(talker):
    async def asked() -> tuple[list[Any], str, Any]:
        many = await asyncio.gather(*(talker.complete_async(each) for each in ASKED))
        reply = talker.start("Hi", temperature=1.0)
        pieces = "".join([piece async for piece in reply])
        task = asyncio.create_task(talker.complete_async("Hi", **ENDLESS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return many, pieces, await reply

    many, pieces, whole = asyncio.run(asked())
    assert many == talker.complete_all(ASKED)
    assert pieces.strip() == whole.text.strip() and whole.text == talker.complete("Hi", temperature=1.0).text


def test_threads_share_an_engine(talker):
    found: dict[str, Any] = {}

    def ask(asked: str) -> None:
        found[asked] = talker.complete(asked, temperature=1.0)

    threads = [threading.Thread(target=ask, args=(asked,)) for asked in ASKED]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert found == {asked: talker.complete(asked, temperature=1.0) for asked in ASKED}


def test_tokens_come_with_their_log_probabilities(engine):
    tokens = TokenCompleter(engine, **SHORT)
    ids = engine.tokenizer("What is")["input_ids"]
    found = tokens.complete(ids)
    assert len(found.tokens) == len(found.log_probs) == 6 and found.finish_reason == "length"
    assert max(found.log_probs) < 0
    assert list(tokens.start(ids)) == found.tokens
    assert tokens.complete_all([ids, ids[:2]])[0].tokens == found.tokens
    drawn = tokens.samples(ids, 3, temperature=1.0)
    assert len({tuple(each.tokens) for each in drawn}) == 3
    assert asyncio.run(tokens.complete_async(ids)).tokens == found.tokens
    for wrong in ([], [0] * 4000, [100_000], [-1]):
        with pytest.raises(DataError):
            tokens.start(wrong)
    with pytest.raises(UsageError):
        tokens.start(ids, n=2)


def test_a_chat_has_a_history_and_many_go_on_at_once(talker, talking):
    own = Runner(root=talking.home).chat(CHATS, options=SHORT)
    sessions = [talker.chat(), talker.chat(system="Be brief.")]
    for said in ("Hi", "And?"):
        answers = [session.send(said).text for session in sessions]
        assert answers[0] == own.send(said).text
    assert sessions[0].history == own.history
    assert len(sessions[1].conversation.messages) == 5
    with pytest.raises(UsageError):
        talker.chat(n=2, temperature=1.0)


def test_what_cannot_be_asked_is_said_and_the_engine_goes_on(engine, talker):
    for wrong in (
        {"max_tokens": 3},
        {"top_k": 3},
        {"num_beams": 2},
        {"temperature": -1},
        {"n": 2, "temperature": 1.0},
    ):
        with pytest.raises(UsageError):
            talker.start("Hi", **wrong)
    for wrong in (None, 3, ["Hi"]):
        with pytest.raises(UsageError, match="is no conversation"):
            talker.complete(wrong)
    with pytest.raises(UsageError, match="answers are none"):
        talker.samples("Hi", 0)
    with pytest.raises(DataError):
        talker.start([{"role": "nobody", "content": "Hi"}])
    with pytest.raises(DataError):
        talker.start("x" * 4000)
    with pytest.raises(UsageError):
        MessageCompleter(engine, temprature=1.0)
    assert talker.complete("Hi").text


def test_an_engine_that_is_closed_gives_up_what_is_under_way(talking):
    with Engine.open(GOES_ON, root=talking.home) as engine:
        texts = MessageCompleter(engine)
        with pytest.raises(ConflictError):
            texts.chat()
        reply = texts.start("Once", **ENDLESS)
        assert next(iter(reply))
    assert reply.result().finish_reason == "interrupted"
    with pytest.raises(UsageError):
        texts.start("Once")


def test_an_error_of_the_model_is_raised_where_the_answer_is_read_and_the_next_one_is_answered(talking):
    engine = Engine.open(CHATS, root=talking.home)
    talker = MessageCompleter(engine, **SHORT)
    wanted = talker.complete("Hi")

    def broken(*_: Any) -> None:
        raise RuntimeError("the device is gone")

    hook = engine.answerer.model.register_forward_pre_hook(broken)
    failed = [talker.start("Hi"), talker.start("And?")]
    for reply in failed:
        with pytest.raises(RuntimeError, match="device is gone"):
            reply.result(300)
        with pytest.raises(RuntimeError):
            list(reply)
    hook.remove()
    assert talker.complete("Hi") == wanted


def test_which_models_are_opened(talking):
    with Engine.open("runner/tiny-llama", root=talking.home) as engine:
        assert engine.converses and engine.model == "runner/tiny-llama"
        assert MessageCompleter(engine, **SHORT).complete("Hi").completion_tokens > 0
    with pytest.raises(ConflictError):
        Engine.open(RANKS, root=talking.home)
    for nowhere in ("sft/nobody", "./nowhere"):
        with pytest.raises(NotFoundError):
            Engine.open(nowhere, root=talking.home)
    with pytest.raises(UsageError):
        Engine.open(CHATS, root=talking.home, rows=0)
