"""``runner new`` where nobody is asked: flags, an answers file, a spec to begin with."""

from __future__ import annotations

import json

import pytest

from runner.wizard.prompt_interface import COMMANDS
from tests.conftest import Desk
from tests.wizard.golden import GUIDE, MARK, shown

ROWS = "review,label\n" + "".join(f"word {n} of it,{'ab'[n % 2]}\n" for n in range(60))


@pytest.fixture
def table(desk: Desk) -> Desk:
    (desk.home / "rows.csv").write_text(ROWS)
    return desk


WORDS = ("--set", "name=rows", "--set", "data=rows.csv", "--set", "target_columns=label", "--no-start")


def test_every_default_is_taken(table):
    done = table("new", "tabular_classification", *WORDS, "--yes").ok()
    assert json.loads((table.home / "rows.json").read_text()) == {
        "model": {"spec": {"model_type": "tabular_classification"}, "name": "rows"},
        "data": {"dataset": "rows.csv", "target_columns": "label"},
    }
    assert "train --spec-file rows.json" in done.out
    assert not (table.home / "drafts").exists() and not (table.home / "runs").exists()


def test_a_name_that_is_not_given_is_the_kinds_and_is_said(table):
    words = ("--set", "data=rows.csv", "--set", "target_columns=label", "--no-start", "--yes")
    done = table("new", "tabular_classification", *words).ok()
    assert json.loads((table.home / "tabular-classification.json").read_text())["model"]["name"] == (
        "tabular-classification"
    )
    assert "/model/name is tabular-classification: the kind's name" in done.err


@pytest.mark.parametrize("text", ['["review", "label"]', "review,label", "review, label"])
def test_two_columns_are_named_as_a_list_or_with_a_comma(table, text):
    # The data is looked at for the names with a comma, wherever among the words it is named.
    words = ("--set", f"target_columns={text}", "--set", "name=rows", "--set", "data=rows.csv", "--no-start", "--yes")
    table("new", "tabular_classification", *words).ok()
    assert json.loads((table.home / "rows.json").read_text())["data"]["target_columns"] == ["review", "label"]


def test_a_name_with_a_comma_that_a_column_has_is_one_name(table):
    (table.home / "rows.csv").write_text('"a,b",a,b\n' + "".join(f"{n % 2},{n},{n % 3}\n" for n in range(60)))
    words = ("--set", "data=rows.csv", "--set", "target_columns=a,b", "--set", "name=rows", "--no-start", "--yes")
    table("new", "tabular_classification", *words).ok()
    assert json.loads((table.home / "rows.json").read_text())["data"]["target_columns"] == "a,b"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("learner.max_dept", "learner.max_depth"),
        ("data.columns.target", "target_columns"),
        ("data.target_colums", "data.target_columns"),
        ("model.spec.lerner", "model.spec.learner"),
        ("/model/spec/lerner", "model.spec.learner"),
        ("epoch", "epochs"),
    ],
)
def test_a_field_that_there_is_none_of_has_a_near_one(table, key, meant):
    done = table("new", "tabular_classification", "--set", f"{key}=3", "--yes")
    assert done.code == 2
    assert f"did you mean {meant!r}?" in done.err


def test_a_field_of_another_branch_says_what_is_set_before_it(table):
    done = table("new", "sft", "--set", "finetuning_spec.rank=4", "--yes")
    assert done.code == 2 and "did you mean" not in done.err
    assert (
        "finetuning_spec.rank is there with lora, qlora, dora, rslora: set finetuning_spec.method before it" in done.err
    )
    done = table("new", "sft", "--set", "finetuning_spec.method=lora", "--set", "finetuning_spec.rank=4", "--yes")
    assert "no field" not in done.err


def test_json_is_one_document(table):
    found = table("new", "tabular_classification", *WORDS, "--yes", "--json").ok().json
    assert found["path"] == "rows.json" and not found["started"]
    assert found["spec"]["data"]["dataset"] == "rows.csv"


def test_answers_are_fields_by_name_and_say_whether_to_start(table):
    table.write(
        "answers.json",
        {"kind": "tabular_classification", "name": "rows", "data": "rows.csv", "target_columns": "label",
         "learner": {"learner_type": "random_forest", "n_estimators": 5}, "/run/executor": "local", "start": False},
    )  # fmt: skip
    table("new", "--answers", "answers.json").ok()
    document = json.loads((table.home / "rows.json").read_text())
    assert document["model"]["spec"]["learner"] == {"learner_type": "random_forest", "n_estimators": 5}
    assert document["run"] == {"executor": "local"}


def test_a_flag_comes_before_an_answer_and_an_answer_before_the_spec(table):
    table.write("part.json", {"model": {"name": "of-the-spec", "spec": {"model_type": "tabular_classification"}},
                              "data": {"dataset": "rows.csv", "target_columns": "label", "seed": 1}})  # fmt: skip
    table.write("answers.json", {"name": "of-the-answers", "seed": 2, "start": False})
    table("new", "--from", "part.json", "--answers", "answers.json", "--set", "name=of-the-flag").ok()
    document = json.loads((table.home / "part.json").read_text())
    assert document["model"]["name"] == "of-the-flag"
    assert document["data"]["dataset"] == "rows.csv"


def test_a_field_in_a_sections_default_keeps_the_rest_of_it(table):
    words = ("new", "text_classification", "--yes", "--no-start", "--set", "name=a", "--set", "data=sample")
    table(*words, "--set", "model=runner/tiny-bert", "--set", "optimizer.learning_rate=0.01").ok()
    own = json.loads((table.home / "a.json").read_text())["model"]["spec"]
    assert own["optimizer"]["optimizer_type"] == "adamw" and own["optimizer"]["learning_rate"] == 0.01
    table("validate", "a.json").ok()


CHAT = {"messages": [{"role": "user", "content": "2 and 3?"}, {"role": "assistant", "content": "5"}]}
SCRIPTED = (
    "new",
    "sft",
    "--set",
    "scenario=file",
    "--set",
    "file=chats.jsonl",
    "--set",
    "base_model=runner/tiny-llama",
)


@pytest.fixture
def chats(desk: Desk) -> Desk:
    desk.write("chats.jsonl", json.dumps(CHAT) + "\n" + json.dumps(CHAT) + "\n")
    return desk


def test_a_fine_tuning_is_written_with_its_script_where_nobody_is_asked(chats):
    done = chats(*SCRIPTED, "--set", "run_name=adder-001", "--yes", "--no-start").ok()
    assert "valid: 2 rows" in done.out and "written: adder-001.json, sft_train.py" in done.out
    chats("validate", "adder-001.json").ok()
    assert (chats.home / "sft_train.py").is_file() and not (chats.home / "runs").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--yes",), "missing: run_name"),
        ((), "nobody can be asked here"),
        (("--set", "run_name=test", "--yes"), "test"),
    ],
)
def test_a_fine_tuning_says_what_it_lacks_where_nobody_is_asked(chats, words, says):
    done = chats(*SCRIPTED, *words)
    assert done.code == 2 and says in done.err
    assert not (chats.home / "sft_train.py").exists()


def test_fields_of_sft_lead_to_the_questions_of_any_kind(chats):
    given = [word for pair in ("name=a", "data=chats.jsonl", "model=runner/tiny-llama") for word in ("--set", pair)]
    chats("new", "sft", *given, "--yes", "--no-start").ok()
    assert not (chats.home / "sft_train.py").exists()
    assert json.loads((chats.home / "a.json").read_text())["data"]["columns"] == {"messages": "messages"}


def test_the_guide_shows_the_transcript_that_a_test_types():
    assert MARK + shown() in GUIDE.read_text("utf-8")


def test_the_guide_has_every_word_and_every_flag():
    text = GUIDE.read_text("utf-8")
    assert all(f":{word}" in text for word in COMMANDS)
    assert all(flag in text for flag in ("--from", "--set", "--answers", "--resume", "--yes", "--no-start", "--plain"))


def test_help_is_shown_where_nobody_is_there(desk):
    assert "Usage: runner COMMAND" in desk().ok().out


@pytest.mark.slow
@pytest.mark.warm
def test_it_goes_down_the_road_of_train(table):
    done = table("new", "tabular_classification", *WORDS[:-1], "--yes", "--set", "executor=local").ok()
    assert "runner infer" in done.out
    assert (table.home / "models" / "tabular_classification" / "rows" / "v1").is_dir()
