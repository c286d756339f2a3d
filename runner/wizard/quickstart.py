"""``runner quickstart``: sample data and a document to train on it, written into a folder that has none of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import near_names
from runner.errors import ConflictError, Stopped, UsageError
from runner.store.files import write_atomic
from runner.wizard.prompt_interface import Asker, Choice, Command, Question

SEED = 42


@dataclass(frozen=True)
class Purpose:
    """What a first model may be for."""

    name: str
    title: str
    #: Where the sample rows go, and what gives their text.
    data: str
    rows: Callable[[], str]
    #: The name of the document, and the document.
    file: str
    document: Mapping[str, Any]
    #: What else can be typed with the model, after the name of the program.
    then: str | None = None

    @property
    def is_pipeline(self) -> bool:
        return "steps" in self.document


def _comparisons() -> str:
    """Comparisons of LLMs, of the packaged sample: who answered what, and whose answer was right."""
    from runner.data.comparisons.catalog import SAMPLE
    from runner.data.records import open_records

    def rows() -> Iterator[dict[str, Any]]:
        for batch in open_records(SAMPLE, pointer="").batches():
            for row in batch.rows:
                yield {
                    "prompt": _text(row["conversation_a"], "user"),
                    "model_a": row["model_a"],
                    "model_b": row["model_b"],
                    "response_a": _text(row["conversation_a"], "assistant"),
                    "response_b": _text(row["conversation_b"], "assistant"),
                    "winner": row["winner"],
                }

    return _lines(rows())


def _text(turns: list[dict[str, Any]], role: str) -> str:
    """What one side of a conversation said."""
    texts = []
    for turn in turns:
        if turn["role"] == role:
            content = turn["content"]
            texts.append(content if isinstance(content, str) else "".join(part.get("text") or "" for part in content))
    return "\n".join(texts)


def _questions() -> str:
    """Questions with answers, as raw rows: the packaged sample's."""
    from runner.data.dialogues import section

    source = Path(section.__file__).with_name("sample") / "conversations.jsonl"
    rows = (json.loads(line)["messages"] for line in source.read_text(encoding="utf-8").splitlines())
    return _lines(
        {"question": turns[-2]["content"], "answer": turns[-1]["content"]} for turns in rows if len(turns) > 1
    )


def _messages() -> str:
    """Short messages to a shop, each with what it is about."""
    from runner.data import labelled_texts

    return (Path(labelled_texts.__file__).with_name("sample") / "messages.csv").read_text(encoding="utf-8")


def _wines() -> str:
    """Measurements of wines and the grower of each."""
    from runner.data.table_rows.packaged import columns

    found = columns("wine")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found)
    writer.writerows(zip(*found.values(), strict=True))
    return text.getvalue()


def _lines(rows: Iterator[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


_ADAMW = {"optimizer_type": "adamw", "learning_rate": 0.003}
PURPOSES: dict[str, Purpose] = {
    purpose.name: purpose
    for purpose in (
        Purpose(
            "router",
            "A router: which LLM answers a prompt best",
            "data/comparisons.jsonl",
            _comparisons,
            "spec.json",
            {
                "model": {
                    "name": "first-router",
                    "spec": {"model_type": "matrix_factorization", "embedding_model_name": "all-MiniLM-L6-v2"},
                },
                "data": {"dataset": "data/comparisons.jsonl", "validation_split": 0.2, "seed": SEED},
                "epochs": 5,
                "batch_size": 64,
            },
        ),
        Purpose(
            "chat",
            "A chat model: it answers as in your rows",
            "data/questions.jsonl",
            _questions,
            "pipeline.json",
            {
                "pipeline": {"name": "first-chat", "description": "From raw questions and answers to a chat model."},
                "steps": [
                    {"name": "clean", "process": {"input": "data/questions.jsonl", "system": "Answer briefly."}},
                    {"name": "unique", "dedupe": {"input": {"$from": "clean"}}},
                    {
                        "name": "split",
                        "split": {
                            "input": {"$from": "unique"},
                            "ratios": {"train": 0.8, "validation": 0.1, "test": 0.1},
                        },
                    },
                    {
                        "name": "train",
                        "train": {
                            "model": {
                                "name": "first-chat",
                                "spec": {
                                    "model_type": "sft",
                                    "base_model_name": "runner/tiny-llama",
                                    "max_length": 256,
                                    "optimizer": _ADAMW,
                                },
                            },
                            "data": {
                                "dataset": {"$from": "split.train"},
                                "validation_data": {"$from": "split.validation"},
                            },
                            "epochs": 2,
                            "batch_size": 8,
                        },
                    },
                ],
            },
            then="chat sft/first-chat",
        ),
        Purpose(
            "classifier",
            "A text classifier: which class a text is of",
            "data/messages.csv",
            _messages,
            "spec.json",
            {
                "model": {
                    "name": "first-classifier",
                    "spec": {
                        "model_type": "text_classification",
                        "base_model_name": "runner/tiny-bert",
                        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.002},
                    },
                },
                "data": {"dataset": "data/messages.csv", "text_columns": ["text"], "target_columns": ["label"]},
                "epochs": 6,
                "batch_size": 16,
            },
            then="infer --model text_classification/first-classifier --input data/messages.csv",
        ),
        Purpose(
            "table",
            "A table model: one column from the others",
            "data/wines.csv",
            _wines,
            "spec.json",
            {
                "model": {
                    "name": "first-table",
                    "spec": {
                        "model_type": "tabular_classification",
                        "learner": {"learner_type": "xgboost", "n_estimators": 60, "max_depth": 3},
                    },
                },
                "data": {
                    "dataset": "data/wines.csv",
                    "target_columns": ["target"],
                    "validation_split": 0.25,
                    "seed": SEED,
                },
            },
            then="infer --model tabular_classification/first-table --input data/wines.csv",
        ),
    )
}
#: What nobody who is asked nothing gets.
DEFAULT = "router"


def purpose_of(name: str) -> Purpose:
    """The purpose of a name. Raises :class:`UsageError` with the one that was probably meant."""
    if name not in PURPOSES:
        known = ", ".join(PURPOSES)
        hint = near_names.hint(name, PURPOSES, f"there are: {known}")
        raise UsageError(f"there is no quick start for {name!r}", where="--for", hint=hint)
    return PURPOSES[name]


def ask(asker: Asker) -> Purpose:
    """Ask a person what the first model is for. Raises :class:`Stopped` for ``:quit``."""
    question = Question(
        "purpose",
        "What is your first model for?",
        "choice",
        default=DEFAULT,
        help="Sample data and a document are written here, and a model is trained on them.",
        choices=[Choice(each.name, each.title, f"{each.data}, {each.file}") for each in PURPOSES.values()],
    )
    while True:
        try:
            return PURPOSES[asker.ask(question)]
        except Command as command:
            if command.name == "quit":
                raise Stopped("left; nothing was written or started") from None
            asker.say(f"  {question.help}" if command.name == "help" else f"  ! :{command.name} is of no use here")
            asker.say("  This is the only question; :quit leaves, and nothing is written.")


def write(purpose: Purpose, folder: Path) -> list[Path]:
    """Write the sample rows and the document. Raises :class:`ConflictError`, before anything is written, where one of
    the files is there already."""
    files = [folder / purpose.data, folder / purpose.file]
    taken = [str(path.relative_to(folder)) for path in files if path.exists() or path.is_symlink()]
    if taken:
        raise ConflictError(
            f"{' and '.join(taken)} {'is' if len(taken) == 1 else 'are'} here already, and nothing is overwritten",
            where=str(folder),
            hint="begin in an empty folder: mkdir first && cd first",
        )
    write_atomic(files[0], purpose.rows().encode())
    write_atomic(files[1], (json.dumps(purpose.document, indent=2) + "\n").encode())
    return files
