"""``runner data collect``: asked once, graded, priced, resumed after a kill; failures are holes, keys stay secret."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from runner.chat import judge_prompt
from runner.chat.endpoints.answers_cache import AnswersCache
from runner.chat.endpoints.backends import read
from runner.chat.endpoints.chat_requests import Asking
from runner.inference.collecting import collecting, grading
from runner.runs.event_kinds import Event
from tests.holding import held
from tests.inference.collecting.endpoint import serving

KEY = "sk-very-secret-1234"


@pytest.fixture
def endpoint():
    with serving() as found:
        yield found


@pytest.fixture
def room(desk, endpoint):
    """A folder with eight sums, a file of backends, and a cache of its own."""
    desk = replace(desk, environment={"RUNNER_CACHE_DIR": str(desk.home / "cache")})
    rows = [{"prompt": f"What is {at} + {at} ?", "reference": str(2 * at), "kind": "sums"} for at in range(8)]
    (desk.home / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    backends(desk, endpoint)
    return desk


def backends(desk, endpoint, *more: dict, names: tuple[str, ...] = ("good", "bad")) -> None:
    listed = [{"name": name, "base_url": endpoint.url, "model": name, "input": 100, "output": 1000} for name in names]
    desk.write("backends.json", [*listed, *more])


GIVEN = {"--prompts-file": "prompts.jsonl", "--backends": "backends.json", "--backoff": "0",
         "--output-path": "outcomes.jsonl"}  # fmt: skip


def words(*more: str) -> tuple[str, ...]:
    """The command, with other values for what ``more`` gives again."""
    given = {flag: value for flag, value in GIVEN.items() if flag not in more}
    return ("data", "collect", *(word for pair in given.items() for word in pair), *more)


def rows(desk, name: str = "outcomes.jsonl") -> list[dict]:
    return [json.loads(line) for line in (desk.home / name).read_text().splitlines()]


def test_a_matrix_is_made_and_is_data(room, endpoint):
    document = room(*words("--grade", "numeric", "--group", "kind", "--json")).ok().json
    assert (document["scores"], document["holes"], document["from_cache"]) == (16, 0, 0)
    assert document["llms"]["good"] == {"scores": 8, "mean_score": 1.0, "cost": pytest.approx(8 * 0.006)}
    assert document["llms"]["bad"]["mean_score"] == 0
    first = rows(room)[0]
    assert first.pop("latency") > 0
    assert first == {
        "prompt": "What is 0 + 0 ?", "model": "good", "score": 1.0, "cost": 0.006, "prompt_tokens": 10.0,
        "completion_tokens": 5.0, "response": "It is 0", "group": "sums",
    }  # fmt: skip
    told = room("data", "check", "outcomes.jsonl", "--kind", "dense_network", "--json").ok().json
    assert (told["layout"], told["outcomes"]["format"], told["outcomes"]["prompts"]) == ("outcomes", "long", 8)
    # The same again asks nobody.
    again = room(*words("--grade", "numeric", "--group", "kind", "--json")).ok().json
    assert again["from_cache"] == 16 and sum(endpoint.asked.values()) == 16
    # Other parameters are another question.
    backends(room, endpoint, {"name": "warm", "base_url": endpoint.url, "model": "good",
                              "parameters": {"temperature": 1}})  # fmt: skip
    room(*words("--grade", "numeric")).ok()
    assert sum(endpoint.asked.values()) == 24 and endpoint.bodies[-1]["temperature"] == 1


def test_parquet_is_the_same(room):
    room(*words("--grade", "numeric", "--output-path", "outcomes.parquet")).ok()
    table = pq.read_table(room.home / "outcomes.parquet").to_pylist()
    assert len(table) == 16 and table[0]["score"] == 1.0
    told = room("data", "check", "outcomes.parquet", "--kind", "dense_network", "--json").ok().json
    assert told["outcomes"]["scores"] == 16


def test_what_passes_is_tried_again_and_what_does_not_is_a_hole(room, endpoint):
    busy = (429, {"Retry-After": "0"}, "busy")
    endpoint.faults = {"good": [busy, busy, (503, {}, "down")], "bad": [(400, {}, "too long")]}
    done = room(*words("--grade", "numeric", "--concurrency", "1", "--json"))
    assert done.code == 1 and done.json["failures"] == {"HTTP 400": 1} and done.json["holes"] == 1
    assert "1 of 16 have no score: HTTP 400, such as: too long" in done.err
    assert endpoint.asked == {"good": 11, "bad": 8}
    hole = next(row for row in rows(room) if row["score"] is None)
    assert (hole["model"], hole["error"], hole["response"]) == ("bad", "HTTP 400", None)
    told = room("data", "check", "outcomes.jsonl", "--kind", "elo_scoring", "--json").ok().json
    assert told["rows_changed"] == {"no score, a hole": 1}
    # Only what is missing is asked again.
    assert room(*words("--grade", "numeric")).ok() and endpoint.asked["bad"] == 9


def test_holes_may_be_allowed_and_nothing_at_all_may_not(room, endpoint):
    endpoint.faults = {"bad": [(400, {}, "no")] * 8}
    assert room(*words("--grade", "numeric", "--allow-holes")).code == 0
    endpoint.faults = {"plain": [(500, {}, "broken")] * 100}
    backends(room, endpoint, names=("plain",))
    done = room(*words("--grade", "numeric", "--allow-holes", "--attempts", "2", "--output-path", "x.jsonl"))
    assert done.code == 1 and "no answer was graded: HTTP 500" in done.err and endpoint.asked["plain"] == 16
    assert not (room.home / "x.jsonl").exists()


def test_an_answer_that_takes_too_long_and_one_that_is_none(room, endpoint):
    endpoint.slow["bad"] = threading.Event()
    endpoint.faults = {"good": [(200, {}, "<html>")]}
    done = room(*words("--grade", "numeric", "--timeout", "1.5", "--attempts", "1", "--json"))
    assert done.code == 1
    assert done.json["failures"] == {"no answer in time": 8, "an answer that is no chat completion": 1}


def test_nobody_is_there(room, endpoint):
    nobody = {"name": "nobody", "base_url": "http://127.0.0.1:1/v1", "model": "x"}
    backends(room, endpoint, nobody)
    done = room(*words("--grade", "numeric", "--attempts", "2", "--json"))
    assert done.code == 1 and done.json["failures"] == {"no connection": 8}
    assert "nobody: no connection: asked again, 2 of 2 times" in done.err


def test_who_is_waited_for_is_told_while_nothing_comes(endpoint, tmp_path, monkeypatch):
    endpoint.slow["judge"] = threading.Event()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "judge" in text:
            endpoint.slow["judge"].set()

    monkeypatch.setattr(collecting, "PATIENCE", 0.01)
    listed = [{"name": name, "base_url": endpoint.url, "model": name} for name in ("good", "judge")]
    (tmp_path / "backends.json").write_text(json.dumps(listed))
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"prompt": "What is 1 + 1 ?", "reference": "right"}) + "\n")
    good, judge = read(tmp_path / "backends.json")
    asked = collecting.read_questions(tmp_path / "prompts.jsonl", "judge", "reference", None, False)
    cache = AnswersCache(tmp_path / "cache")
    collector = collecting.Collector([good], "judge", cache, Asking(say=say), judge)
    events: list[Event] = []
    collector.collect(asked, events.append)
    assert "waiting for the judge, judge: 0 of 1 are graded" in said
    assert [(event.done, event.unit) for event in events] == [(1, "answers"), (0, "grades"), (1, "grades")]


def test_a_judgement_that_cannot_be_read_is_not_kept(room, endpoint):
    backends(room, endpoint, {"name": "judge", "base_url": endpoint.url, "model": "judge"}, names=("good",))
    unread = json.dumps({"choices": [{"message": {"content": "I would rather not say."}}], "usage": {}})
    endpoint.faults = {"judge": [(200, {}, unread)]}
    done = room(*words("--grade", "judge", "--judge", "judge", "--json"))
    assert done.code == 1 and "the judge: no verdict" in done.err
    # A judge that was mended since is asked again; who answered is not.
    again = room(*words("--grade", "judge", "--judge", "judge", "--json")).ok().json
    assert again["holes"] == 0 and endpoint.asked["good"] == 8


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_after_a_stop_the_same_command_goes_on(room, endpoint, stop):
    command = words("--grade", "numeric", "--concurrency", "1")
    process = held(room, *command, at="progress:5")
    process.send_signal(stop)
    assert process.wait(300) in (-9, 130)
    kept = sum(endpoint.asked.values())
    assert 5 <= kept < 16 and not (room.home / "outcomes.jsonl").exists()
    document = room(*command, "--json").ok().json
    # What was on its way when it was killed may have been asked twice.
    assert document["from_cache"] >= 5 and sum(endpoint.asked.values()) <= 17 and document["scores"] == 16


def test_keys_are_sent_and_never_written(room, endpoint, monkeypatch):
    (room.home / "key.txt").write_text(KEY + "\n")
    endpoint.faults = {"bad": [(401, {}, f"wrong key {KEY}")]}
    keyed = {"base_url": endpoint.url, "key_file": "key.txt"}
    more = [{"name": "plain", "model": "plain"} | keyed, {"name": "again", "model": "bad"} | keyed]
    backends(room, endpoint, *more, names=("good",))
    done = room(*words("--grade", "numeric", "--json", "--allow-holes")).ok()
    assert endpoint.keys == {None, f"Bearer {KEY}"} and "wrong key ***" in done.err
    written = [path for path in room.home.rglob("*") if path.is_file() and path.name != "key.txt"]
    assert len(written) > 20 and not any(KEY in path.read_text("utf-8", "replace") for path in written)
    assert KEY not in done.out + done.err


def test_an_answer_is_judged_in_both_orders(room, endpoint):
    prompts = [{"prompt": f"What is {at} + 1 ?", "reference": "right" if at % 2 else "left"} for at in range(4)]
    (room.home / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))
    judge = {"name": "judge", "base_url": endpoint.url, "model": "judge", "output": 1000}
    backends(room, endpoint, judge, names=("good",))
    document = room(*words("--grade", "judge", "--judge", "judge", "--json")).ok().json
    # A judge that likes the first of two alike gives each a half.
    assert [row["score"] for row in rows(room)] == [0.5, 0.0, 0.5, 0.0]
    assert endpoint.asked == {"good": 4, "judge": 8} and document["judge_cost"] == pytest.approx(0.04)
    backends(room, endpoint, judge)
    room(*words("--grade", "judge", "--judge", "judge", "--against", "bad")).ok()
    assert {row["model"]: row["score"] for row in rows(room)} == {"good": 0.5, "bad": 0.5}


def test_turns_are_asked_as_turns(room, endpoint):
    turns = [{"role": "system", "content": "Add."}, {"role": "user", "content": "Hi"},
             {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "What is 2 + 3 ?"}]  # fmt: skip
    (room.home / "prompts.jsonl").write_text(json.dumps({"messages": turns, "reference": "5"}) + "\n")
    room(*words("--grade", "numeric")).ok()
    assert endpoint.bodies[0]["messages"] == turns
    assert rows(room)[0]["history"] == ["Add.", "Hi", "Yes?"] and rows(room)[0]["prompt"] == "What is 2 + 3 ?"


@pytest.mark.parametrize(
    ("backend", "code", "told"),
    [
        ({"api_key": KEY}, 4, "a key does not stand in the file"),
        ({"key_env": "NO_SUCH_KEY_IS_SET"}, 6, "NO_SUCH_KEY_IS_SET is not set"),
        ({"key_file": "none.txt"}, 6, "the file has none"),
        ({"base_url": "http://example.org/v1", "key_env": "HOME"}, 4, "a key is sent to https alone"),
        ({"base_url": f"https://me:{KEY}@example.org/v1"}, 4, "holds no name, password"),
        ({"base_url": "ftp://example.org"}, 4, "begins with https://"),
        ({"input": -1}, 4, "/0/input"),
    ],
)
def test_backends_that_cannot_be_are_refused_before_anything_is_asked(room, endpoint, backend, code, told):
    room.write("backends.json", [{"name": "x", "base_url": endpoint.url, "model": "good"} | backend])
    done = room(*words())
    assert (done.code, told in done.err, KEY in done.err) == (code, True, False), done.err
    assert not endpoint.asked


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--output-path", "x.csv"), 2, ".jsonl or .parquet"),
        (("--grade", "judge"), 2, "no judge is named"),
        (("--judge", "good"), 2, "not judged"),
        (("--against", "good"), 2, "not judged"),
        (("--grade", "judge", "--judge", "goood"), 2, "no backend is called 'goood'"),
        (("--concurrency", "0"), 2, "less than 1"),
        (("--reference", "answer"), 4, "there is no 'answer'"),
        (("--grade", "numeric", "--reference", "kind"), 4, "has no number in it"),
        (("--prompts-file", "none.jsonl"), 5, "no such data file"),
    ],
)
def test_words_that_cannot_be_are_refused_before_anything_is_asked(room, endpoint, more, code, told):
    done = room(*words(*more))
    assert (done.code, told in done.err) == (code, True), done.err
    assert not endpoint.asked and not Path(room.home / "outcomes.jsonl").exists()


@pytest.mark.parametrize(
    ("grade", "answer", "reference", "worth"),
    [
        ("exact", " The  Answer\n", "the answer", 1), ("exact", "the answers", "the answer", 0),
        ("numeric", "So it is 1,234.50.", "#### 1234.5", 1), ("numeric", "12 or 13", "12", 0),
        ("numeric", "-3", "3", 0), ("numeric", "none", "3", 0), ("regex", "It is (B).", r"\(B\)", 1),
        ("regex", "It is B", r"^B", 0),
    ],
)  # fmt: skip
def test_grades(grade, answer, reference, worth):
    assert grading.by_reference(grade, answer, reference) == worth


@pytest.mark.parametrize(("said", "first", "second"), [("[[A]]", 1, 0), ("A? No. [[B]]", 0, 1), ("[[C]]", 0.5, 0.5),
                                                       ("B", None, None)])  # fmt: skip
def test_verdicts(said, first, second):
    assert (judge_prompt.verdict(said, True), judge_prompt.verdict(said, False)) == (first, second)
