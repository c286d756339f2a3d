"""``runner data check``, ``show`` and ``convert`` of conversations and preferences, as a person types them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest

from runner.cli.app import run

TURNS = {"conversations": [{"from": "human", "value": "Why?\nTell me."}, {"from": "gpt", "value": "Because."}]}
PAIR = {"system": "Be kind.", "prompt": "Why?", "chosen": "Because.", "rejected": "No.", "margin": 2, "tools": "[]"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.jsonl").write_text(json.dumps(TURNS) + "\n" + json.dumps({"conversations": []}) + "\n")
    (tmp_path / "pairs.json").write_text(json.dumps([PAIR]))
    (tmp_path / "frage.csv").write_text("frage,antwort\nWarum?,Darum.\n")
    return tmp_path


def test_it_says_what_was_found_and_dropped(folder, capsys):
    assert run(["data", "check", "chat.jsonl", "--kind", "sft", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["rows_read"], document["rows_kept"]) == ("warn", 2, 1)
    assert document["rows_dropped"] == {"missing_messages": 1}
    assert document["named"] == {"missing_messages": [2]}
    assert document["conversations"]["forms"] == {"messages": 1}
    assert document["conversations"]["columns"] == {"messages": "conversations"}


def test_columns_by_the_words_of_other_programs(folder, capsys):
    mapping = '{"question": "frage", "answer": "antwort"}'
    assert run(["data", "check", "frage.csv", "--kind", "sft", "--columns", mapping, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows_kept"] == 1
    assert run(["data", "check", "frage.csv", "--kind", "sft", "--columns", '{"promt": "frage"}']) == 3
    assert "did you mean 'prompt'" in capsys.readouterr().err
    assert run(["data", "check", "frage.csv", "--kind", "sft"]) == 4
    assert '{"prompt": "frage", "completion": "antwort"}' in capsys.readouterr().err


def test_a_file_with_a_broken_line_is_refused_with_what_leaves_it_out(folder, capsys):
    whole = json.dumps(TURNS)
    (folder / "cut off.jsonl").write_text(f"{whole}\n{whole[:9]}\n{whole}\n")
    assert run(["data", "check", "cut off.jsonl", "--kind", "sft"]) == 4
    said = capsys.readouterr().err
    (command,) = re.findall("`runner (.*) FOLDER`", said)
    assert "cut off.jsonl:2" in said
    assert run([*shlex.split(command), "taken"]) == 0
    assert run(["data", "check", "taken/data.jsonl", "--kind", "sft"]) == 0
    # What makes conversations makes no pairs.
    assert run(["data", "check", "cut off.jsonl", "--kind", "dpo"]) == 4
    assert "data process" not in capsys.readouterr().err


def test_conversations_are_shown_turn_by_turn(folder, capsys):
    assert run(["data", "show", "chat.jsonl", "--kind", "sft"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "line 1", "    user: Why?", "    Tell me.", "    assistant: Because.",
    ]  # fmt: skip
    assert run(["data", "show", "pairs.json", "--kind", "dpo"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "line 1", "  prompt:", "    system: Be kind.", "    user: Why?", "  chosen by 2:", "    assistant: Because.",
        "  rejected:", "    assistant: No.",
    ]  # fmt: skip
    assert run(["data", "show", "chat.jsonl", "--kind", "sft", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0] == [1, "turn", "user", "Why?\nTell me."]


def test_rows_are_written_in_one_form_and_read_again(folder, capsys):
    assert run(["data", "convert", "pairs.json", "out.jsonl", "--kind", "dpo", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows_written"], document["verdict"]) == (1, "accept")
    written = (folder / "out.jsonl").read_text()
    assert json.loads(written) == {
        "prompt": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}],
        "chosen": [{"role": "assistant", "content": "Because."}],
        "rejected": [{"role": "assistant", "content": "No."}],
        "margin": 2.0,
    }
    assert run(["data", "convert", "out.jsonl", "again.jsonl", "--kind", "dpo"]) == 0
    assert (folder / "again.jsonl").read_text() == written
    assert "1 rows written to again.jsonl" in capsys.readouterr().out


def test_pairs_are_written_as_labelled_answers(folder):
    assert run(["data", "convert", "pairs.json", "out.jsonl", "--kind", "kto"]) == 0
    labels = [json.loads(line)["label"] for line in (folder / "out.jsonl").read_text().splitlines()]
    assert labels == [True, False]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("chat.jsonl", "chat.jsonl", "--kind", "sft"), 2, "is the file that is read"),
        (("chat.jsonl", "out.csv", "--kind", "sft"), 2, "ends in .jsonl"),
        (("frage.csv", "out.jsonl", "--kind", "sft"), 4, "frage"),
        (("frage.csv", "out.jsonl", "--kind", "elo_scoring"), 2, "no such form"),
    ],
)
def test_what_is_not_written_leaves_everything_as_it_was(words, code, says, folder, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(["data", "convert", *words]) == code
    captured = capsys.readouterr()
    assert says in captured.out + captured.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_checking_needs_nothing_that_trains(folder):
    program = (
        "import sys; from runner.cli.app import run; run(['data', 'check', 'chat.jsonl', '--kind', 'sft', '--json']);"
        "print([name for name in ('torch', 'transformers', 'peft', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_other_fields_of_a_spec_s_data_may_be_said(folder, capsys):
    turns = [{"speaker": "customer", "text": "Why?"}, {"speaker": "clerk", "text": "Because."}]
    (folder / "desk.jsonl").write_text(json.dumps({"messages": turns}) + "\n")
    assert run(["data", "check", "desk.jsonl", "--kind", "sft"]) == 4
    assert "data.role_words says whose turn it is" in capsys.readouterr().err
    words = ["--kind", "sft", "--fields", '{"role_words": {"customer": "user", "clerk": "assistant"}}']
    assert run(["data", "check", "desk.jsonl", *words]) == 0
    assert run(["data", "show", "desk.jsonl", *words]) == 0
    assert "assistant: Because." in capsys.readouterr().out
    assert run(["data", "convert", "desk.jsonl", "plain.jsonl", *words]) == 0
    assert [turn["role"] for turn in json.loads((folder / "plain.jsonl").read_text())["messages"]] == [
        "user",
        "assistant",
    ]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ('{"role_wrods": {}}', 3, 'did you mean "role_words"?'),
        ('{"role_words": {"clerk": "asistant"}}', 3, "/data/role_words/clerk"),
        ('{"dataset": "other.jsonl"}', 2, "dataset is what the path says"),
        ('{"columns": {}}', 2, "columns is what --columns says"),
        ("role_words", 2, "not JSON"),
        ("[]", 2, "not a JSON object"),
    ],
)
def test_fields_that_are_none_are_told(folder, capsys, words, code, told):
    assert run(["data", "check", "chat.jsonl", "--kind", "sft", "--fields", words]) == code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("label", "word"), [(True, "wanted"), (False, "unwanted")])
def test_answers_of_one_sort_are_refused_as_training_does(folder, capsys, label, word):
    rows = [{"prompt": f"p{at}", "completion": "c", "label": label} for at in range(5)]
    (folder / "marked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["data", "check", "marked.jsonl", "--kind", "kto", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["rows_kept"], document["rows_refused"]) == ("refuse", 0, 5)
    assert f"every answer to learn from is {word}" in document["errors"][0]["message"]
    spec = {"model": {"name": "m", "spec": {"model_type": "kto", "base_model_name": "runner/tiny-llama"}}}
    (folder / "spec.json").write_text(json.dumps(spec | {"data": {"dataset": "marked.jsonl"}}))
    assert run(["train", "--spec-file", "spec.json", "--dry-run", "--executor", "local"]) == 4
    assert f"every answer to learn from is {word}" in capsys.readouterr().err
    # They can be read all the same.
    assert run(["data", "convert", "marked.jsonl", "written.jsonl", "--kind", "kto"]) == 0


def test_the_counts_of_refused_rows_add_up(folder, capsys):
    rows = [PAIR, PAIR | {"chosen": "No."}, PAIR | {"chosen": ""}]
    (folder / "lost.json").write_text(json.dumps(rows))
    assert run(["data", "check", "lost.json", "--kind", "dpo"]) == 4
    found = re.findall(r"^(read|refused with the rest|kept|dropped: \w+) +(\d+)", capsys.readouterr().out, re.MULTILINE)
    counts = {name: int(count) for name, count in found}
    assert counts.pop("read") == sum(counts.values()) == 3
    assert counts["refused with the rest"] == 1


def test_rows_of_another_kind_name_it_and_no_columns(folder, capsys):
    rows = [{"prompt": "2+2?", "completion": str(number), "label": number == 4} for number in (4, 5)]
    (folder / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["data", "check", "labelled.jsonl", "--kind", "dpo"]) == 4
    told = capsys.readouterr().err
    assert "model_type kto learns them" in told
    assert "data.columns:" not in told
    (folder / "own.jsonl").write_text(json.dumps({"ask": "2+2?", "best": "4", "worst": "5"}) + "\n")
    assert run(["data", "check", "own.jsonl", "--kind", "dpo"]) == 4
    assert "Others are named in data.columns: {" in capsys.readouterr().err
