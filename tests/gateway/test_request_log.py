"""What is logged, what is not, and what becomes of a log: a report, a matrix, comparisons, prompts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import DataError, EnvironmentProblem, NotFoundError
from runner.gateway import log_tables
from runner.gateway.backend_choice import Policy
from runner.gateway.log_reading import read_log
from runner.gateway.redaction import redacted
from runner.gateway.replaying import replay
from runner.gateway.request_log import RequestLog
from runner.gateway.shadow_report import report, silent_choices
from tests.gateway.desk import PRICES, decider, gateway, said, user
from tests.gateway.stub_backend import Reply, Stub, answer

KEY = "sk-abcdefghijklmnop"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def logged(path: Path, texts: bool = True, feedback: bool = True, **more: Any) -> list[dict[str, Any]]:
    """The lines of a gateway that was asked a few questions."""

    async def scenario() -> None:
        log = RequestLog(path, texts=texts, keys=["a-secret-of-ours"])
        stubs = {"big": Stub(Reply(answer("I am big, write to ada@example.com", prompt=100, completion=10)))}
        async with gateway(stubs=stubs, log=log, **more) as (own, _):
            for at in range(12):
                _, headers = await said(own, user(f"small {at}: the key is {KEY}", user=str(at % 4)))
                if feedback:
                    log.write({"event": "feedback", "id": headers["x-runner-request"], "score": at % 2})
            for llm in ("small", "big"):
                _, headers = await said(own, user("What is 2 + 2? a-secret-of-ours", model=llm))
                log.write({"event": "feedback", "id": headers["x-runner-request"], "score": float(llm == "big")})

    asyncio.run(scenario())
    return lines(path)


def test_without_texts_no_word_of_anybody_is_in_the_log(tmp_path):
    path = tmp_path / "log.jsonl"
    found = logged(path, texts=False)
    requests = [line for line in found if line["event"] == "request"]
    assert len(requests) == 14 and len({line["id"] for line in requests}) == 14
    text = path.read_text()
    for word in ("the key is", "I am small", KEY, "127.0.0.1", "http"):
        assert word not in text
    first = requests[0]
    assert (
        first["model"] == "small" and first["why"] == "chosen" and first["cost"] > 0 and first["rule"] == {"rate": 0.0}
    )
    assert set(first["qualities"]) == set(first["costs"]) == {"small", "middle", "big"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_texts_are_kept_where_they_are_asked_for_without_keys_and_addresses(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path)
    text = path.read_text()
    assert "the key is [key]" in text and "write to [address]" in text and "What is 2 + 2? [key]" in text
    assert KEY not in text and "ada@example.com" not in text and "a-secret-of-ours" not in text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"use {KEY}", "use [key]"),
        ("Authorization: Bearer abc.def-123456", "Authorization: [key]"),
        ("api_key = 'hunter2hunter2'", "[key]'"),
        ("AKIAIOSFODNN7EXAMPLE here", "[key] here"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- after", "[key] after"),
        ("mail a.b+c@mail.example.org now", "mail [address] now"),
        ("ssh 10.1.2.3", "ssh [address]"),
        ("see https://example.com/x?token=1 for it", "see [address] for it"),
        ("a mask, a task, risk-free, 3.14", "a mask, a task, risk-free, 3.14"),
    ],
)
def test_redaction_by_form(text, kept):
    assert redacted(text) == kept


def test_a_full_disk_loses_lines_and_no_request(tmp_path):
    lost: list[int] = []

    async def scenario() -> None:
        log = RequestLog(Path("/dev/full"), texts=True, lost=lost.append)
        async with gateway(log=log) as (own, _):
            for at in range(20):
                assert (await said(own, user(f"small {at}")))[0] == "I am small"

    asyncio.run(scenario())
    assert sum(lost) == 21


def test_a_log_that_cannot_be_written_is_told_at_the_start(tmp_path):
    with pytest.raises(EnvironmentProblem):
        RequestLog(tmp_path / "nowhere" / "log.jsonl", texts=False)


def test_behind_half_a_line_the_next_begins_anew_and_reading_counts_the_half(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path)
    whole = path.read_bytes()
    path.write_bytes(
        whole[:-20]
        + b"\n"
        + b'{"event": "other"}\n[1]\n{"event": "request", "v": 1}\n'
        + b'{"event": "request", "v": 99}\n'
    )
    found = read_log(path)
    assert len(found.requests) == 14
    assert sum(found.dropped.values()) == 5


def test_a_gateway_that_goes_on_with_a_log_that_ends_in_half_a_line_loses_nothing_of_its_own(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"v": 1, "event": "requ')
    log = RequestLog(path, texts=False)
    log.write({"event": "gateway", "prices": {}})
    log.close()
    cut, begun = path.read_text().splitlines()
    assert cut == '{"v": 1, "event": "requ' and json.loads(begun)["event"] == "gateway"


def test_what_is_no_log_is_refused(tmp_path):
    with pytest.raises(NotFoundError):
        read_log(tmp_path / "nothing.jsonl")
    path = tmp_path / "other.jsonl"
    path.write_text('{"prompt": "Hello"}\n')
    with pytest.raises(DataError, match="no request in it: 1 lines are no line of a gateway's log"):
        read_log(path)


def test_graded_traffic_becomes_a_matrix_comparisons_and_prompts(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path)
    found = read_log(path)
    rows = log_tables.outcomes(found).rows
    assert len(rows) == 14 and {row["model"] for row in rows} == {"small", "big"}
    assert rows[-1] | {"latency": 0} == {
        "prompt": "What is 2 + 2? [key]", "model": "big", "score": 1.0, "cost": pytest.approx(110 * 20e-6),
        "prompt_tokens": 100, "completion_tokens": 10, "latency": 0, "response": "I am big, write to [address]",
    }  # fmt: skip
    (pair,) = log_tables.comparisons(found).rows
    assert (pair["model_a"], pair["model_b"], pair["winner"]) == ("small", "big", "model_b")
    assert pair["conversation_a"][-1] == {"role": "assistant", "content": "I am small"}
    made = log_tables.prompts(found)
    assert len(made.rows) == 13 and made.left_out["the same prompt again"] == 1


def test_without_texts_or_grades_nothing_is_made_and_the_reason_is_counted(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path, texts=False)
    made = log_tables.outcomes(read_log(path))
    assert not made.rows and made.left_out["no text: it was logged without --log-texts"] == 14


def test_shadow_tells_what_would_have_been_saved_with_intervals(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path, present="big")
    replayed, left_out = silent_choices(read_log(path))
    # The two that were asked by name are no router's.
    assert len(replayed) == 12 and left_out["not in shadow"] == 2
    found = report(replayed, left_out, str(path), read_log(path).scores)
    assert found.answered_by == {"big": 1.0} and found.would_ask == {"small": 1.0} and found.agreed == 0
    assert found.present_cost.value == pytest.approx(110 * 20e-6)
    assert found.saved_share.value == pytest.approx(0.95) and found.saved_share.low <= 0.95 <= found.saved_share.high
    assert found.quality.value > 0 and found.conversations == 12
    assert "It would have saved 95.0%" in found.sentences()[0]
    assert found.graded["router_differs"]["answers"] == 12 and found.graded["router_agrees"]["answers"] == 0
    json.dumps(found.as_dict())


def test_a_proposed_router_is_replayed_over_a_log(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path, present="big")
    made = decider({name: backend(name) for name in PRICES})
    replayed, left_out = replay(read_log(path), made.scorer, made.backends, Policy())
    assert len(replayed) == 14 and not left_out
    assert [each.chosen for each in replayed[:12]] == ["small"] * 12
    found = report(replayed, left_out, str(path))
    assert found.would_ask["small"] == 1.0 and found.saved.value > 0


def test_nothing_to_report_is_told_with_the_reasons(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path)
    replayed, left_out = silent_choices(read_log(path))
    with pytest.raises(DataError, match=r"no request counts: not in shadow \(14\)") as caught:
        report(replayed, left_out, str(path))
    assert "--shadow --present" in (caught.value.hint or "")


def backend(name: str) -> Any:
    from runner.tasks.ranking.backend_sections import Backend

    return Backend.model_validate({"url": "http://127.0.0.1:1/v1", "price": PRICES[name]})
