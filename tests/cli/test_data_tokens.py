"""``runner data show --tokens``: what a language model gets of a row, and what it is asked with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.cli.app import run
from runner.cli.data import check, show_rows
from runner.errors import UsageError
from tests.chat.tiny_tokenizers import tiny_tokenizer

_TINY = "runner/tiny-llama"
_ROWS = [
    ["One?", "Uno."],
    ["Two?", "Dos.", "Three?", "Tres."],
    *[[f"And {number}?", f"It is {number}."] for number in range(4, 12)],
]


def _row(turns: list[str]) -> str:
    messages = [{"role": ("user", "assistant")[at % 2], "content": turn} for at, turn in enumerate(turns)]
    return json.dumps({"messages": messages}) + "\n"


@pytest.fixture
def chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RUNNER_CACHE_DIR", os.environ["RUNNER_TEST_CACHE"])
    monkeypatch.chdir(tmp_path)
    refused = json.dumps({"messages": [{"role": "user", "content": "2"}, *[{"role": "assistant", "content": "x"}] * 2]})
    Path("chats.jsonl").write_text("".join(map(_row, _ROWS)) + refused + "\n")
    return "chats.jsonl"


def test_rows_are_shown_as_tokens_and_as_they_are_asked(chats: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_rows(chats, kind="sft", tokens=True, model=_TINY, rows=99, as_served=True, json=True) == 0
    rows = {row["line"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert len(rows) >= len(_ROWS) - 1
    for line, row in rows.items():
        answers = (_ROWS[line - 1] if line <= len(_ROWS) else ["2", "x", "3", "x"])[1::2]
        learned = [piece["text"] for piece in row["pieces"] if piece["weight"]]
        assert learned == [f"{answer}<|im_end|>" for answer in answers]
        assert row["trained_tokens"] == sum(weight > 0 for weight in row["weights"])
        assert [served["equal"] for served in row["served"]] == [True] * len(answers)


def test_what_is_learned_stands_in_brackets(chats: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_rows(chats, kind="sft", tokens=True, model=_TINY, rows=1, as_served=True) == 0
    text = capsys.readouterr().out
    assert text.startswith("line 1: ")
    assert "⟦Uno.<|im_end|>⟧" in text
    assert "message 2 is asked for with" in text
    assert "the same as in training" in text


def test_a_row_that_the_template_refuses_is_shown_with_why(chats: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_rows(chats, kind="sft", tokens=True, model=_TINY, rows=99, template="mistral") == 0
    said = capsys.readouterr().out
    assert "line 11: message 3 (assistant): the chat template (mistral) refuses the conversation" in said


def test_rows_none_of_which_can_be_shown_end_with_a_code(systems: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("strict.jinja").write_text(_NO_SYSTEM)
    Path("one.jsonl").write_text(Path(systems).read_text().splitlines()[0] + "\n")
    assert show_rows("one.jsonl", kind="sft", tokens=True, model=_TINY, template="strict.jinja") == 4
    said = capsys.readouterr()
    assert "line 1: message 1 (system)" in said.out
    assert "none of the rows that were looked at (1 row) can be learned" in said.err


@pytest.mark.parametrize(
    ("loss_on", "learned"),
    [
        (None, ["Dos.<|im_end|>", "Tres.<|im_end|>"]),
        ("last_assistant", ["Tres.<|im_end|>"]),
        ('{"assistant": 1, "user": 0}', ["Dos.<|im_end|>", "Tres.<|im_end|>"]),
        ('{"user": 2}', ["Two?", "Three?"]),
    ],
)
def test_what_is_learned_is_as_loss_on_says(
    chats: str, loss_on: str | None, learned: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said: dict[str, Any] = {"kind": "sft", "tokens": True, "model": _TINY, "rows": 99, "json": True}
    assert show_rows(chats, loss_on=loss_on, fields='{"validation_split": 0}', **said) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["loss_on"] == "assistant") is (loss_on is None)
    (row,) = [row for row in told["rows"] if row["line"] == 2]
    assert [piece["text"] for piece in row["pieces"] if piece["weight"]] == learned


@pytest.mark.parametrize(
    ("kind", "loss_on", "says"),
    [
        ("sft", "asistant", "Input should be 'assistant'"),
        ("sft", '{"asistant": 1}', "asistant: "),
        ("sft", '{"assistant": 0}', "nothing would be learned"),
        ("sft", "{", "JSON"),
        ("dpo", "all", "dpo has no loss_on"),
    ],
)
def test_a_loss_on_that_is_none_is_refused(kind: str, loss_on: str, says: str, chats: str) -> None:
    Path("pairs.jsonl").write_text(json.dumps({"prompt": "Tree?", "chosen": "Rowan.", "rejected": "Brick."}) + "\n")
    path = chats if kind == "sft" else "pairs.jsonl"
    for command in (show_rows, check):
        with pytest.raises(UsageError) as refused:
            command(path, kind=kind, model=_TINY, loss_on=loss_on, **({"tokens": True} if command is show_rows else {}))
        assert refused.value.where == "--loss-on" and says in refused.value.message


def test_answers_of_a_preference_are_shown_one_by_one(chats: str, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [{"prompt": f"Tree {number}?", "chosen": "Rowan.", "rejected": "Brick."} for number in range(9)]
    Path("pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert show_rows("pairs.jsonl", kind="dpo", tokens=True, model=_TINY, rows=1) == 0
    text = capsys.readouterr().out
    assert ", chosen: " in text
    assert "⟦Rowan.<|im_end|>⟧" in text
    assert "⟦Brick.<|im_end|>⟧" in text


@pytest.mark.parametrize(
    ("asked", "flag"),
    [
        (lambda path: show_rows(path, kind="sft", tokens=True), "--model"),
        (lambda path: show_rows(path, kind="sft", model=_TINY), "--model"),
        (lambda path: show_rows(path, kind="sft", as_served=True), "--as-served"),
        (lambda path: show_rows(path, kind="sft", loss_on="all"), "--loss-on"),
        (lambda path: check(path, kind="sft", loss_on="all"), "--loss-on"),
        (lambda path: show_rows("sample", kind="elo_scoring", tokens=True, model=_TINY), "--kind"),
    ],
)
def test_flags_that_say_nothing_together_are_refused(asked: Callable[[str], int], flag: str, chats: str) -> None:
    with pytest.raises(UsageError) as refused:
        asked(chats)
    assert refused.value.where == flag


_SYSTEM = {"role": "system", "content": "Answer shortly."}
_ASKED = [{"role": "user", "content": "Wet or dry?"}, {"role": "assistant", "content": "Wet."}]
_NO_SYSTEM = (
    "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
    "[{{ message.role }}] {{ message.content }}{% if message.role == 'assistant' %}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


@pytest.fixture
def systems(chats: str) -> str:
    """Two rows, the first with a system turn."""
    rows = [[_SYSTEM, *_ASKED], _ASKED]
    Path("systems.jsonl").write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    return "systems.jsonl"


def test_a_template_that_refuses_a_turn_is_told_by_the_row(systems: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("strict.jinja").write_text(_NO_SYSTEM)
    assert check(systems, kind="sft", model=_TINY, template="strict.jinja", json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["rows_kept"]) == ("warn", 1)
    assert told["rows_dropped"] == {"template_refuses": 1}
    assert told["named"]["template_refuses"] == [1]
    assert any("line 1: message 1 (system): the chat template" in warning for warning in told["warnings"])


def test_a_template_that_refuses_every_row_is_refused(systems: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("strict.jinja").write_text(_NO_SYSTEM)
    Path("one.jsonl").write_text(Path(systems).read_text().splitlines()[0] + "\n")
    assert check("one.jsonl", kind="sft", model=_TINY, template="strict.jinja", json=True) == 4
    assert json.loads(capsys.readouterr().out)["verdict"] == "refuse"


def test_a_model_without_a_template_is_refused_before_its_weights(
    systems: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bare"
    tiny_tokenizer(("<|im_end|>",)).save_pretrained(folder)
    (folder / "config.json").write_text("{}")
    assert check(systems, kind="sft", model=str(folder), json=True) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "refuse"
    assert "has no chat template" in told["errors"][0]["message"]
    assert "/model/spec/chat/template" in told["errors"][0]["where"]
    assert check(systems, kind="sft", model=str(folder), template="chatml", json=True) in (0, 4)
    assert "no chat template" not in capsys.readouterr().out


def test_rows_that_a_template_takes_are_accepted_and_a_template_needs_a_model(
    systems: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(systems, kind="sft", model=_TINY, json=True) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "accept"
    with pytest.raises(UsageError, match="needs --model"):
        check(systems, kind="sft", template="chatml")
    with pytest.raises(UsageError, match="no chats"):
        check("sample", kind="causal_lm", model=_TINY)


@pytest.mark.parametrize("most", [None, 64])
def test_a_row_whose_answer_is_behind_max_length_is_left_out_as_training_does(
    most: int | None, chats: str, capsys: pytest.CaptureFixture[str]
) -> None:
    long = {"role": "user", "content": "Why? " * (400 if most is None else 60)}
    rows = [_ASKED, [long, _ASKED[1]], [*_ASKED, long, _ASKED[1]]]
    Path("long.jsonl").write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    assert check("long.jsonl", kind="sft", model=_TINY, max_length=most, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["rows_kept"]) == ("warn", 2)
    assert told["rows_dropped"] == {"answer_behind_max_length": 1}
    assert (told["named"]["answer_behind_max_length"], told["named"]["cut_at_max_length"]) == ([2], [3])
    assert any(f"of which {most or 1024:,} are read" in warning for warning in told["warnings"])


_CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "does not begin an answer where it is asked to: the model learns to write '<|im_start|>assistant' itself"),
        ("<|im_start|>assistant\n<think>\n", "begins an answer with <think>, and an answer has no thought"),
        ("<|im_start|>assistant\n", None),
    ],
)
def test_how_a_template_begins_an_answer_is_told_where_it_is_seldom_meant(
    prompt: str, says: str | None, systems: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own.jinja").write_text(
        _CHATML + ("{% if add_generation_prompt %}" + prompt + "{% endif %}" if prompt else "")
    )
    assert check(systems, kind="sft", model=_TINY, template="own.jinja", json=True) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert any(says in warning for warning in warnings) if says else not warnings


def test_answers_that_are_scored_need_their_ends(chats: str, capsys: pytest.CaptureFixture[str]) -> None:
    pair = {"prompt": "Why?", "chosen": "Because. " * 20, "rejected": "No."}
    Path("pairs.jsonl").write_text(json.dumps(pair) + "\n" + json.dumps(pair | {"chosen": "Because."}) + "\n")
    for kind, kept in (("dpo", 2), ("reward", 1)):
        assert check("pairs.jsonl", kind=kind, model=_TINY, max_length=64, json=True) == 0
        assert json.loads(capsys.readouterr().out)["rows_kept"] == kept


def test_data_of_which_nothing_has_room_is_refused(chats: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("long.jsonl").write_text(_row(["Why? " * 20, "Because."]))
    assert check("long.jsonl", kind="sft", model=_TINY, max_length=64, json=True) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["errors"][0]["where"]) == ("refuse", "/model/spec/max_length")
    with pytest.raises(UsageError, match="greater than or equal to 8"):
        check(chats, kind="sft", model=_TINY, max_length=2)
    with pytest.raises(UsageError, match="needs --model"):
        check(chats, kind="sft", max_length=64)


def test_a_packaged_model_is_made_without_a_word(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "chat.jsonl").write_text('{"prompt": "Why?", "completion": "Because."}\n')
    assert run(["data", "show", "chat.jsonl", "--kind", "sft", "--tokens", "--model", "runner/tiny-llama"]) == 0
    assert capfd.readouterr().err == ""


def test_a_stored_model_is_asked_by_the_template_of_its_training(talking, chats, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RUNNER_HOME", str(talking.home))
    for model in (_TINY, "sft/talker"):
        assert show_rows(chats, kind="sft", tokens=True, model=model, rows=2, json=True) == 0
    first, second = capsys.readouterr().out.split("\n{", 1)
    assert json.loads(first)["rows"] == json.loads("{" + second)["rows"]
    assert check(chats, kind="sft", model="sft/talker", json=True) == 0
    assert run(["data", "check", chats, "--kind", "sft", "--model", "sft/talkr"]) == 5
    assert "did you mean 'sft/talker'" in capsys.readouterr().err
    assert run(["data", "check", chats, "--kind", "sft", "--model", "elo_scoring/elo"]) == 5
    assert "no tokenizer of conversations" in capsys.readouterr().err
    assert run(["data", "show", chats, "--kind", "sft", "--tokens", "--model", "runner/tiny-lama"]) == 5
    assert "did you mean 'runner/tiny-llama'" in capsys.readouterr().err
