"""The gateway's words on the command line: what they cannot be, and what becomes of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Desk
from tests.examples import example

#: The LLMs of the packaged data that an example of ``elo_scoring`` knows are not called but for these.
CALLED = ("calculator", "dictionary")
PRICE = {"input": 1, "output": 2, "answer_tokens": 50}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A stored router with its backends, and prompts."""
    desk = Desk(tmp_path_factory.mktemp("gateway"))
    document = example("elo_scoring")
    document["model"]["name"] = "it"
    desk("train", "--spec-file", desk.write("spec.json", document), "--executor", "local").ok()
    found = desk("infer", "--model", "elo_scoring/it", "--models-to-score", "all", "--prompts", "Hi",
                 "--output-path", "-").ok().json  # fmt: skip
    nobody = dict.fromkeys(found)
    called = {name: {"url": "http://127.0.0.1:9/v1", "price": PRICE} for name in CALLED}
    desk.write("backends.json", nobody | called)
    unpriced = {"url": "http://127.0.0.1:9/v1", "price": {"input": 1, "output": 2}}
    desk.write("unpriced.json", nobody | {CALLED[0]: unpriced})
    desk.write("keyed.json", nobody | {CALLED[0]: {"url": "https://x.example/v1", "api_key_env": "NO_SUCH_KEY"}})
    desk.write("stored.json", nobody | {CALLED[0]: "sft/nobody"})
    desk.write("object.json", nobody | {CALLED[1]: {"stored": "sft/nobody"}})
    desk.write("base.json", nobody | {CALLED[1]: "nowhere/nobody"})
    desk.write("ranks.json", nobody | {CALLED[0]: "elo_scoring/it"})
    desk.write("wrong.json", called | {"calculater": None})
    (desk.home / "prompts.txt").write_text("What is 2 + 2?\nName a city.\n")
    (desk.home / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines()))
    return desk


def lines() -> list[dict[str, Any]]:
    """A log of a gateway in shadow, without texts."""
    begun = {"v": 1, "event": "gateway", "prices": dict.fromkeys(CALLED, PRICE)}
    request = {
        "v": 1, "event": "request", "model": "calculator", "outcome": "ok", "prompt_tokens": 10, "cached_tokens": 0,
        "completion_tokens": 5, "kept_tokens": 0, "cost": 2e-5, "saved": 0, "seconds": 1,
        "qualities": {"calculator": 0.6, "dictionary": 0.4}, "shadow": {"model": "dictionary", "why": "chosen"},
    }  # fmt: skip
    return [begun, *(request | {"id": f"r{at}", "session": f"s{at // 2}"} for at in range(6))]


WORDS = ("serve", "--port", "0", "--router", "elo_scoring/it", "--backends", "backends.json")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("serve", "--port", "0", "--router", "elo_scoring/it"), 2, "the LLMs that it chooses from have no backends"),
        (("serve", "--port", "0", "--backends", "backends.json"), 2, "no router is named"),
        (("serve", "--port", "0", "--trade-off", "1"), 2, "--trade-off: is a gateway's"),
        (("serve", "--port", "0", "--router", "elo_scoring/nobody", "--backends", "backends.json"), 5, "nobody"),
        ((*WORDS, "--shadow"), 2, "--shadow and --present go together"),
        ((*WORDS, "--present", "calculator"), 2, "--shadow and --present go together"),
        ((*WORDS, "--shadow", "--present", "calculator"), 2, "what the router chooses silently is kept nowhere"),
        ((*WORDS, "--shadow", "--present", "zoe", "--log", "l.jsonl"), 2, "no backend answers for 'zoe'"),
        ((*WORDS, "--log-texts"), 2, "there is no log that texts could be in"),
        ((*WORDS, "--log", "nowhere/l.jsonl"), 6, "nowhere/l.jsonl"),
        ((*WORDS, "--against", "zoe"), 2, "--against: no backend answers for 'zoe'"),
        ((*WORDS, "--trade-off", "-1"), 2, "-1.0 is not 0 or more"),
        ((*WORDS, "--budget", "1"), 2, "--budget: is kept over many prompts"),
        ((*WORDS, "--strong", "calculator"), 2, "--weak is missing"),
        ((*WORDS, "--strong", "calculator", "--weak", "zoe", "--threshold", "0.5"), 2, "no backend answers for 'zoe'"),
        ((*WORDS, "--strong", "calculator", "--weak", "dictionary", "--strong-share", "0.5"), 2, "--calibrate-on FILE"),
        ((*WORDS, "--calibrate-on", "prompts.txt"), 2, "there is no --budget or --strong-share to calibrate for"),
        ((*WORDS, "--budget", "1", "--calibrate-on", "nothing.txt"), 5, "there is no such file"),
        ((*WORDS, "--switch-margin", "2"), 2, "2.0 is not between 0 and 1"),
        ((*WORDS, "--harness-tag", "<notes>"), 2, "'<notes>' is no name of a tag"),
        ((*WORDS, "--lengths", "elo_scoring/it"), 5, "a length model tells how long answers are"),
        ((*WORDS, "--set", "temperature=1"), 2, "is of models that are named, and none is"),
        ((*WORDS[:-1], "nothing.json"), 5, "there is no such file"),
        ((*WORDS[:-1], "wrong.json"), 3, "did you mean"),
        ((*WORDS[:-1], "unpriced.json"), 2, "what calculator costs depends on the answer's length"),
        ((*WORDS[:-1], "keyed.json"), 6, "NO_SUCH_KEY is not set"),
        ((*WORDS[:-1], "stored.json"), 5, "stored.json: /calculator: there is no stored model 'sft/nobody'"),
        ((*WORDS[:-1], "object.json"), 5, "object.json: /dictionary/stored: there is no stored model 'sft/nobody'"),
        ((*WORDS[:-1], "base.json"), 6, "base.json: /dictionary: "),
        (("serve", "--port", "0", "nowhere/it"), 6, "there is no type 'nowhere': did you mean elo_scoring/it?"),
        (("serve", "--port", "0", "nowhere/x"), 6, "there is no type 'nowhere': `runner models` lists them"),
        ((*WORDS[:-1], "ranks.json"), 4, "elo_scoring/it does not answer conversations"),
        (("gateway", "report", "nothing.jsonl"), 5, "there is no such file"),
        (("gateway", "report", "prompts.txt"), 4, "there is no request in it"),
        (("gateway", "replay", "log.jsonl", "--router", "elo_scoring/it", "--backends", "backends.json"), 4,
         "it was logged without --log-texts (6)"),
        (("data", "from-log", "log.jsonl", "out.csv"), 2, "is no name of a JSON Lines file"),
        (("data", "from-log", "log.jsonl", "log.jsonl"), 2, "is the log itself"),
        (("data", "from-log", "log.jsonl", "out.jsonl"), 4, "the log gives no outcomes"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_with_what_to_do(office, words, code, told):
    done = office(*words)
    assert done.code == code, done.err
    assert told in done.err and "Traceback" not in done.err


def test_a_report_of_shadow_on_a_terminal_and_as_a_document(office):
    text = office("gateway", "report", "log.jsonl").ok().out
    assert "6 requests of 3 conversations; the router agrees on 0.0% of them" in text
    assert "By its own expectation the chance of the better answer is less: -0.200" in text
    found = office("gateway", "report", "log.jsonl", "--json").ok().json
    # Ten tokens at 1 and five at 2, and none at the present model.
    assert found["router_cost"]["value"] == pytest.approx(2e-5) and found["would_ask"] == {"dictionary": 1.0}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ["It would have saved 0.0% of what was spent: 0 a request. One conversation alone tells no interval.",
              "the chance of the better answer is -0.200 (no interval): no difference that is sure."]),
        ({"cost": 1e-4}, ["It would have saved 80.0% of what was spent: 8e-05 a request. One conversation alone"]),
        ({"cost": 1e-5}, ["It would have cost 100.0% more: 1e-05 a request. One conversation alone"]),
        ({"model": "dictionary"}, ["It would have asked the same LLM each time."]),
        ({"cost": 0.0}, ["One conversation alone tells no interval."]),
    ],
)  # fmt: skip
def test_one_conversation_alone_is_told_without_an_interval(office, changes, told):
    begun, *requests = lines()
    log = office.home / "one.jsonl"
    one = [line | {"session": "s"} | changes for line in requests]
    # The last line was cut: it is left out, and said so.
    log.write_text("".join(json.dumps(line) + "\n" for line in [begun, *one]) + '{"v": 1, "event": "req')
    text = office("gateway", "report", "one.jsonl").ok().out
    assert "6 requests of 1 conversation; the router" in text and "nan" not in text
    assert all(each in text for each in told), text
    assert "left out: 1 not JSON, such as a line that was cut" in text
    found = office("gateway", "report", "one.jsonl", "--json").ok().json
    assert found["saved_share"]["low"] is None and found["saved_share"]["high"] is None


def test_a_log_with_texts_is_replayed_and_makes_what_a_router_trains_on(office):
    log = office.home / "texts.jsonl"
    begun, *requests = lines()
    questions = ["What is 2 + 2?", "Name a city.", "Reverse 'stone'."]
    rows: list[dict[str, Any]] = [begun]
    for at, line in enumerate(requests):
        texts = {"prompt": questions[at % 3], "response": "Four."}
        rows.append(line | {"texts": texts, "model": CALLED[at // 3]})
        rows.append({"v": 1, "event": "feedback", "id": line["id"], "score": 1 - at // 3})
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("--router", "elo_scoring/it", "--backends", "keyless.json", "--json")
    backends = json.loads((office.home / "backends.json").read_text())
    backends["calculator"]["api_key_env"] = "NO_SUCH_KEY"
    office.write("keyless.json", backends)
    # Nobody is asked anything, and so no key is needed.
    found = office("gateway", "replay", "texts.jsonl", *words).ok().json
    assert found["requests"] == 6 and sum(found["would_ask"].values()) == pytest.approx(1)
    made = office("data", "from-log", "texts.jsonl", "outcomes.jsonl", "--json").ok().json
    assert made["rows_written"] == 6
    checked = office("data", "check", "outcomes.jsonl", "--kind", "elo_scoring", "--json").json
    assert checked["rows_read"] == 6 and checked["rows_kept"] == 6 and not checked["errors"], checked
    office("data", "from-log", "texts.jsonl", "pairs.jsonl", "--as", "comparisons").ok()
    assert office("data", "check", "pairs.jsonl", "--kind", "elo_scoring", "--json").json["rows_kept"] == 3
    office("data", "from-log", "texts.jsonl", "prompts.jsonl", "--as", "prompts").ok()
    assert len((Path(office.home) / "prompts.jsonl").read_text().splitlines()) == 3
