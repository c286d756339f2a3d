"""The conversation itself: back from every question, the end of input at every one, what is kept and gone on with."""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Interrupted, RunnerError, Stopped, UsageError
from runner.wizard.draft import Draft, SavedDraft
from runner.workspace import Workspace
from tests.wizard.scripted import Scripted, Turn, conversation, converse

ROWS = "review,label,day\n" + "".join(f"word {n} of it,{'ab'[n % 2]},2020-01-{n % 28 + 1:02}\n" for n in range(60))
#: A table's kind, on a file; every answer that has no default.
TABLE = {
    "family": "tabular", "kind": "tabular_classification", "/model/name": "rows", "/data/dataset": "rows.csv",
    "/data/target_columns": "label", "columns": False, "start": False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


def saved() -> SavedDraft:
    return SavedDraft.begin(Workspace.current())


def whole_walk() -> list[str]:
    """The keys of the questions of a conversation on a table, its training gone through."""
    asker = Scripted(TABLE | {"more": True, "group:evaluation": True})
    converse(asker)
    Path("rows.json").unlink()
    return asker.keys


class BackOnce(Scripted):
    """Goes back the first time that a question comes, and then answers as ever."""

    def __init__(self, answers: dict[str, Any], at: str, words: str = ":back") -> None:
        super().__init__(answers)
        self._at, self._words, self.went = at, words, False

    def answer(self, question: Any) -> Any:
        if question.key == self._at and not self.went:
            self.went = True
            return self._words
        return super().answer(question)


@pytest.mark.slow
def test_back_goes_from_every_question_to_the_one_before_it_and_the_spec_is_the_same():
    answers = TABLE | {"more": True, "group:evaluation": True}
    keys = whole_walk()
    assert len(keys) > 20
    first = converse(Scripted(answers)).document
    Path("rows.json").unlink()
    for before, key in itertools.pairwise(keys):
        asker = BackOnce(answers, key)
        ended = converse(asker)
        at = asker.keys.index(key)
        assert asker.keys[at + 1] == before, key
        assert ended.document == first, key
        ended.path.unlink()


@pytest.mark.parametrize("step", ["family", "kind", "name", "data", "split", "samples", "needed", "more"])
def test_back_to_a_step_asks_it_and_what_follows_again(step):
    keys = whole_walk()
    asker = BackOnce(TABLE, "start", f":back {step}")
    if step == "needed":
        # A table's kind asks nothing there: it is said, and the question comes again.
        converse(asker)
        assert any("nothing was asked at step needed" in line for line in asker.said)
        assert asker.keys[asker.keys.index("start") + 1] == "start"
        return
    ended = converse(asker)
    after = asker.keys[asker.keys.index("start") + 1 :]
    assert after[0] == {"name": "/model/name", "data": "/data/dataset", "samples": "/data/max_samples"}.get(step, step)
    assert after[-1] == "start" and ended.document["model"]["name"] == "rows"
    assert set(after) <= set(keys)


def test_ctrl_c_between_two_questions_starts_nothing_too(here):
    class Reading(Scripted):
        def say(self, text: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="setup cancelled; nothing was started"):
        converse(Reading(TABLE))


@pytest.mark.slow
def test_the_end_of_input_at_every_question_starts_nothing_and_leaves_no_spec(here):
    keys = whole_walk()
    for key in dict.fromkeys(keys):
        kept = saved()
        asker = Scripted(TABLE | {"more": True, "group:evaluation": True, key: Interrupted("")})
        with pytest.raises(Interrupted) as caught:
            converse(asker, saved=kept)
        assert caught.value.message == "setup cancelled; nothing was started"
        assert asker.keys[-1] == key
        left = {path.name for path in here.iterdir()} - {"rows.csv", "drafts"}
        # The spec is written when everything is answered but whether to start it.
        assert left == ({"rows.json"} if key == "start" else set()), key
        if key != "family":
            assert "runner new --resume" in str(caught.value.hint)
            assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
            kept.drop()
        (here / "rows.json").unlink(missing_ok=True)


@pytest.mark.slow
def test_a_conversation_goes_on_where_it_was_left_at_every_question():
    answers = TABLE | {"more": True, "group:evaluation": True}
    keys = whole_walk()
    first = converse(Scripted(answers)).document
    Path("rows.json").unlink()
    for key in dict.fromkeys(keys[1:]):
        kept = saved()
        with pytest.raises(Stopped) as caught:
            converse(Scripted(answers | {key: ":quit"}), saved=kept)
        assert caught.value.code == 75 and "runner new --resume" in str(caught.value.hint)
        again = SavedDraft.newest(Workspace.current())
        asker = Scripted(answers)
        ended = converse(asker, again.load(), again)
        assert asker.keys[0] == key and ended.document == first
        assert not again.path.exists()
        ended.path.unlink()


def test_another_family_leaves_nothing_of_the_former_behind():
    asker = Scripted(
        {
            "family": [Turn("text"), Turn("routing")],
            "kind": [Turn("text_classification"), Turn("elo_scoring")],
            "/model/name": "one", "/data/dataset": [Turn("rows.csv"), Turn("sample")], "columns": False,
            "/data/text_columns": "review", "/data/target_columns": "label", "split": "split_column",
            "/data/split_column": "day", "model": None, "/model/spec/base_model_name": "runner/tiny-bert",
            "more": [Turn(":back family"), Turn(False)], "/epochs": 2, "start": False,
        }
    )  # fmt: skip
    ended = converse(asker)
    assert ended.document == {
        "model": {"name": "one", "spec": {"model_type": "elo_scoring"}},
        "data": {"dataset": "sample"},
        "epochs": 2,
    }


def test_other_data_leaves_nothing_of_the_former_columns_behind(here):
    (here / "other.csv").write_text(ROWS.replace("label", "kind"))
    asker = Scripted(
        TABLE
        | {
            "/data/dataset": [Turn("rows.csv"), Turn("other.csv")],
            "/data/target_columns": [Turn("label"), Turn("kind")],
            "more": [Turn(":back data"), Turn(False)],
        }
    )
    document = converse(asker).document
    assert document["data"] == {"dataset": "other.csv", "target_columns": "kind"}


def test_a_column_that_the_data_lacks_is_said_at_its_question():
    asker = Scripted(TABLE)
    converse(asker)
    asked = next(question for question in asker.asked if question.key == "/data/target_columns")
    assert {choice.value for choice in asked.choices} == {"review", "label", "day"}
    assert "no column 'Label'" in str(asked.check("Label"))
    assert asked.check("label") is None


def test_commands_say_what_they_are_for_and_change_no_answer():
    asker = Scripted(TABLE | {"/data/max_samples": [Turn(":help"), Turn(":why"), Turn(":show"), Turn(None)]})
    converse(asker)
    said = "\n".join(asker.said)
    assert "/data/max_samples" in said and ":back STEP" in said
    assert "the default of the field is null" in said
    assert json.loads(next(text for text in asker.said if text.startswith("{")))["data"]["dataset"] == "rows.csv"
    assert asker.keys.count("/data/max_samples") == 4


@pytest.mark.parametrize(
    ("words", "pointer", "value"),
    [
        ("folds=3", "/model/spec/folds", 3),
        ("/data/validation_split=0.5", "/data/validation_split", 0.5),
        ("data.seed = 7", "/data/seed", 7),
        ("hub.repository=me/rows", "/hub/repository", "me/rows"),
        ("learner.learner_type=random_forest", "/model/spec/learner/learner_type", "random_forest"),
        ("ignored_columns=day, review", "/data/ignored_columns", ["day", "review"]),
        ("name=other", "/model/name", "other"),
    ],
)
def test_set_takes_a_name_a_path_or_a_pointer(words, pointer, value):
    from runner.spec import pointers

    asker = Scripted(TABLE | {"/data/max_samples": [Turn(f":set {words}"), Turn(None)]})
    document = converse(asker).document
    assert pointers.get(document, pointer) == value
    assert asker.keys[-1] == "start" and asker.keys.count(pointer) <= 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("epocs=3", "there is no field 'epocs'"),
        ("folds=1.5", "is not"),
        ("validation_split=2", "below 1"),
        ("folds", "KEY=VALUE"),
        ("kind=nothing", "no model type 'nothing'"),
        ("token=hf_secret", "kept nowhere"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(words, says):
    asker = Scripted(TABLE | {"/data/max_samples": [Turn(f":set {words}"), Turn(None)]})
    assert converse(asker).document["data"] == {"dataset": "rows.csv", "target_columns": "label"}
    assert any(says in text for text in asker.said), asker.said


def test_a_fault_of_fields_together_lands_at_its_field():
    # More processes than the kind can have: the field is asked again, and has its former value.
    asker = Scripted(TABLE | {"more": True, "group:run": True, "/run/processes": [Turn(2), Turn(None)]})
    document = converse(asker).document
    assert asker.keys.count("/run/processes") == 2
    assert any("is trained in one process" in text for text in asker.said)
    assert "run" not in document or "processes" not in document["run"]


def test_a_fault_that_was_set_is_asked_at_its_field_before_the_review():
    asker = Scripted(TABLE | {"more": [Turn(":set run.processes=2"), Turn(False)], "mend:0:/run/processes": 1})
    document = converse(asker).document
    assert "mend:0:/run/processes" in asker.keys
    assert asker.keys.index("mend:0:/run/processes") < asker.keys.index("file")
    assert document.get("run", {}).get("processes", 1) == 1


def test_a_line_of_the_review_is_changed():
    asker = Scripted(TABLE | {"review": [Turn("change"), Turn("go on")], "line": "/model/spec/folds",
                              "mend:0:/model/spec/folds": 4})  # fmt: skip
    assert converse(asker).document["model"]["spec"]["folds"] == 4


def test_a_section_is_put_in_from_the_review():
    asker = Scripted(
        TABLE | {"review": [Turn("change"), Turn("go on")], "line": "/hub", "mend:0:/hub": True,
                 "/hub/repository": "me/rows"}
    )  # fmt: skip
    assert converse(asker).document["hub"] == {"repository": "me/rows"}


def test_the_review_says_where_each_value_comes_from():
    draft = Draft()
    draft.put("/model/spec/model_type", "tabular_classification", "flag")
    draft.given.append("kind")
    asker = Scripted(TABLE)
    converse(asker, draft)
    table = next(text for text in asker.said if "FIELD" in text)
    origins = {line.split()[0]: line.split()[-1] for line in table.splitlines() if line.startswith("/")}
    assert origins["/model/spec/model_type"] == "flag"
    assert origins["/model/name"] == origins["/data/target_columns"] == "you"
    assert origins["/data/validation_split"] == origins["/run/executor"] == "default"


def test_a_trial_reads_eight_rows_and_starts_nothing(here):
    asker = Scripted(TABLE | {"review": [Turn("try"), Turn("go on")]})
    ended = converse(asker)
    told = next(text for text in asker.said if text.startswith("Of "))
    assert told.startswith("Of 8 rows") and "rows kept: 8" in told and "tabular_classification/rows/v1" in told
    assert "max_samples" not in ended.document["data"] and not (here / "runs").exists()


def test_a_name_that_is_stored_is_told(here):
    from tests.conftest import Desk

    folder = here / "models" / "tabular_classification" / "rows" / "v1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    asker = Scripted(TABLE)
    converse(asker)
    assert any("stored already, as v1" in text for text in asker.said)
    assert Desk  # the store is that of the desk


def test_a_name_that_is_none_is_said_at_once():
    asker = Scripted(TABLE)
    converse(asker)
    asked = next(question for question in asker.asked if question.key == "/model/name")
    for bad in ("../x", "", "a/b", " x", "x" * 200, ".hidden"):
        assert asked.check(bad), bad
    assert asked.check("two words") is None


@pytest.mark.parametrize("path", ["nowhere.csv", "empty.csv", "notes.docx", "folder/"])
def test_data_that_cannot_be_read_is_said_at_its_question(here, path):
    (here / "empty.csv").write_text("")
    (here / "notes.docx").write_text("x")
    (here / "folder").mkdir()
    asker = Scripted(TABLE)
    converse(asker)
    asked = next(question for question in asker.asked if question.key == "/data/dataset")
    assert asked.check(path)


def test_a_line_that_is_no_json_is_named_with_what_leaves_it_out(here):
    (here / "chats.jsonl").write_text('{"question": "a", "answer": "b"}\n{"question": \n')
    asker = Scripted(TABLE | {"family": "by the data"})
    converse(asker)
    asked = next(question for question in asker.asked if question.key == "/data/dataset")
    said = asked.check("chats.jsonl")
    assert "chats.jsonl:2: not JSON" in said
    assert "`runner data process chats.jsonl FOLDER`" in said


def test_the_spec_so_far_is_saved_to_a_file_that_is_gone_on_with(here):
    asker = Scripted(TABLE | {"/data/max_samples": [Turn(":save part.json"), Turn(":save part.json"), Turn(None)]})
    converse(asker)
    assert json.loads((here / "part.json").read_text())["data"]["dataset"] == "rows.csv"
    assert any("is there already" in text for text in asker.said)


def test_a_token_is_in_no_file_and_in_nothing_that_is_said(here, monkeypatch):
    import os

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN_PATH", str(here / "none"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    secret = "hf_a_secret_of_somebody"
    kept = saved()
    asker = Scripted(
        {
            "family": "language", "kind": "sft", "/model/name": "tutor", "/data/dataset": "sample", "columns": False,
            "/model/spec/base_model_name": "someone/far-away", "token": secret, "more": ":quit",
        }
    )  # fmt: skip
    with pytest.raises(Stopped):
        converse(asker, saved=kept)
    try:
        assert os.environ["HF_TOKEN"] == secret
        assert next(question for question in asker.asked if question.key == "token").shape == "secret"
        assert secret not in "\n".join(asker.said)
        for path in here.rglob("*"):
            assert not path.is_file() or secret not in path.read_text("utf-8", "replace")
    finally:
        os.environ.pop("HF_TOKEN", None)


def test_no_token_is_asked_for_where_nothing_is_on_the_hub(monkeypatch, here):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN_PATH", str(here / "none"))
    asker = Scripted(TABLE)
    converse(asker)
    assert "token" not in asker.keys


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 9}', '{"version": 1, "document": 3}'])
def test_saved_answers_that_are_broken_are_refused_with_what_to_do(here, content):
    (here / "drafts").mkdir()
    (here / "drafts" / "x.json").write_text(content)
    with pytest.raises(RunnerError) as caught:
        SavedDraft.newest(Workspace.current()).load()
    assert caught.value.hint and "x.json" in str(caught.value.where)


def test_a_file_that_is_there_is_not_written_over(here):
    (here / "rows.json").write_text("{}")
    asker = Scripted(TABLE)
    ended = converse(asker)
    assert ended.path.name == "rows-2.json" and (here / "rows.json").read_text() == "{}"
    asked = next(question for question in asker.asked if question.key == "file")
    assert "is there already" in str(asked.check("rows.json")) and "is a folder" in str(asked.check("."))


def test_every_command_word_has_its_method():
    from runner.wizard.conversation import Conversation
    from runner.wizard.prompt_interface import COMMANDS

    for name in COMMANDS:
        assert callable(getattr(Conversation, f"_{name}_command"))


def test_a_word_for_a_step_that_is_none_is_said():
    asker = BackOnce(TABLE, "more", ":back smaples")
    converse(asker)
    assert any("did you mean 'samples'" in text for text in asker.said)


def test_the_first_question_has_none_before_it():
    asker = BackOnce(TABLE, "family")
    converse(asker)
    assert any("this is the first question" in text for text in asker.said)


def test_only_a_trial_asks_the_kind_what_it_would_take(monkeypatch):
    from runner.wizard import training_forecast

    asked: list[bool | None] = []

    def tell(document: Any, workspace: Any, *, quick: bool | None = None) -> list[str]:
        asked.append(quick)
        return ["a part of it" if quick else "all of it"]

    monkeypatch.setattr(training_forecast, "tell", tell)
    asker = Scripted(TABLE | {"review": [Turn("try"), Turn("go on")]})
    converse(asker)
    assert asked.count(False) == 1 and asked[-1] is False and len(asked) > 1
    assert any("8 rows, read as the training reads them" in text for text in asker.said)
    assert "  \u00b7 all of it" in asker.said


def unattended(monkeypatch, *offers: Any, note: Any = lambda text: None) -> Any:
    from runner.wizard import catalog
    from runner.wizard.unattended import Untended

    monkeypatch.setattr(catalog, "models_for", lambda kind, workspace: catalog.Offers(offers))
    draft = Draft()
    draft.put("/model/spec/model_type", "grpo", "flag")
    draft.given.append("kind")
    return conversation(Untended(note=note), draft, tended=False)  # type: ignore[arg-type]


def test_unattended_it_lists_all_that_is_missing_at_once(monkeypatch):
    from runner.wizard.catalog import Offer

    talk = unattended(monkeypatch, Offer("someone/large", "catalog", here=False, recommended=True))
    with pytest.raises(UsageError) as caught:
        talk.run()
    names = "/data/dataset, /model/spec/base_model_name, /model/spec/rewards"
    assert caught.value.message == f"missing: {names}"


def test_unattended_a_recommended_model_of_this_machine_is_taken_and_said(monkeypatch):
    from runner.wizard.catalog import Offer

    said: list[str] = []
    here = Offer("someone/small", "cached", here=True, parameters=135_000_000, recommended=True)
    talk = unattended(monkeypatch, Offer("someone/other", "cached", here=True), here, note=said.append)
    with pytest.raises(UsageError) as caught:
        talk.run()
    assert caught.value.message == "missing: /data/dataset, /model/spec/rewards"
    assert said == [
        "/model/name is grpo: the kind's name",
        "/model/spec/base_model_name is someone/small: 135M, on this machine, recommended",
    ]
    assert talk.draft.get("/model/spec/base_model_name") == "someone/small"
