"""``runner quickstart``: what it writes is whole and valid, nothing is overwritten, nobody is waited for."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.errors import ConflictError, Stopped
from runner.pipeline.loading import load_pipeline_file
from runner.spec.checking import load_file
from runner.wizard import quickstart
from runner.wizard.numbered_prompts import NumberedPrompts
from runner.wizard.prompt_interface import Question
from tests.conftest import Desk


class Answering:
    """Answers every question alike, and keeps them."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, list[Question]()

    def ask(self, question: Question) -> Any:
        self.asked.append(question)
        return self.answer

    def say(self, text: str) -> None:
        raise AssertionError("nothing is said between two questions")


@pytest.mark.parametrize("name", quickstart.PURPOSES)
def test_what_is_written_is_valid_and_the_data_can_be_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    purpose = quickstart.PURPOSES[name]
    data, document = quickstart.write(purpose, tmp_path)
    assert len(data.read_text().splitlines()) > 100
    if purpose.is_pipeline:
        pipeline = load_pipeline_file(document)
        assert pipeline.steps[0].body["input"] == purpose.data
    else:
        spec = load_file(document).spec
        assert spec.data.dataset == purpose.data  # type: ignore[union-attr]
        spec.data.check(tmp_path)  # type: ignore[union-attr]


def test_nothing_is_overwritten_and_nothing_is_written_then(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("mine")
    with pytest.raises(ConflictError, match=r"spec\.json is here already"):
        quickstart.write(quickstart.PURPOSES["table"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["spec.json"]
    assert (tmp_path / "spec.json").read_text() == "mine"


def test_a_person_is_asked_once_what_for() -> None:
    asker = Answering("classifier")
    assert quickstart.ask(asker).name == "classifier"
    (question,) = asker.asked
    assert [choice.value for choice in question.choices] == ["router", "chat", "classifier", "table"]
    assert question.default == "router"


def test_words_that_other_wizards_know_are_answered() -> None:
    out = io.StringIO()
    typed = NumberedPrompts(io.StringIO(":help\n:back\n:show\n:set epochs=3\n:why\ntable\n"), out, 60)
    assert quickstart.ask(typed).name == "table"
    assert "Sample data and a document are written here" in out.getvalue() and ":back is of no use" in out.getvalue()
    with pytest.raises(Stopped):
        quickstart.ask(NumberedPrompts(io.StringIO(":quit\n"), io.StringIO(), 60))


def test_without_a_terminal_the_flags_are_said(desk: Desk) -> None:
    refused = desk("quickstart")
    assert refused.code == 2
    assert "--for router|chat|classifier|table" in refused.err and "--yes" in refused.err
    assert not list(desk.home.glob("*.json"))


def test_a_word_that_is_no_purpose_is_answered_with_the_nearest(desk: Desk) -> None:
    refused = desk("quickstart", "--for", "clasifier")
    assert refused.code == 2 and "did you mean 'classifier'?" in refused.err


def test_what_is_to_be_typed_next_is_told_once_and_names_the_file_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runner.cli.quickstart import quickstart as command
    from runner.execution import train_and_resume

    stored = SimpleNamespace(model_type="tabular_classification", name="first-table", reference="first-table/v1")
    finished = SimpleNamespace(model=stored, metrics={"accuracy": 0.9}, tables={}, notes=[], as_dict=dict)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_and_resume, "train", lambda *_, **__: finished)
    command(for_="table")
    out = capsys.readouterr().out
    assert "score with it:" in out and out.splitlines()[-1].endswith(quickstart.PURPOSES["table"].then or "none")
    assert out.count("infer --model") == 1


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("router", "matrix_factorization/first-router"),
        ("chat", "sft/first-chat"),
        ("classifier", "text_classification/first-classifier"),
        ("table", "tabular_classification/first-table"),
    ],
)
def test_it_trains_and_says_what_to_type_next(desk: Desk, name: str, model: str) -> None:
    done = desk("quickstart", "--for", name, "--executor", "local").ok()
    assert (desk.home / "models" / model / "v1").is_dir()
    assert done.out.count(f"infer --model {model}") == 1 and "rows.csv" not in done.out
    if name == "chat":
        assert done.out.splitlines()[-1].endswith("chat sft/first-chat")
    else:
        # What is said last can be typed as it stands.
        words = shlex.split(done.out.splitlines()[-1])
        desk(*words[words.index("infer") :]).ok()
        assert list((desk.home / "inference_outputs").glob("*.json"))
    again = desk("quickstart", "--for", name)
    assert again.code == 5 and "nothing is overwritten" in again.err


@pytest.mark.slow
@pytest.mark.warm
def test_yes_asks_nothing_and_json_is_one_document(desk: Desk) -> None:
    done = desk("quickstart", "--yes", "--executor", "local", "--json").ok()
    assert json.loads(done.out)["model"] == "matrix_factorization/first-router/v1"
