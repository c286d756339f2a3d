"""The fields of ``data`` that the layouts of language models share, and what they tell before a run is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from runner.chat.messages import Role
from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.holdout import ColumnName
from runner.data.named_files import DataPath, most_lost, most_samples
from runner.data.role_columns import RoleColumns
from runner.data.role_files import SAMPLE, RoleFiles, column

#: Roles of a turn's keys, which are no columns.
TURN_KEYS = ("role", "content")
Word = Annotated[str, StringConstraints(min_length=1, max_length=256)]

#: Words for a role that other programs and layouts use, as ``runner data check --columns`` takes them.
ROLES_BY_OTHER_NAMES = {
    "conversations": "messages", "question": "prompt", "query": "prompt", "instruction": "prompt", "source": "prompt",
    "answer": "completion", "answers": "completion", "response": "completion", "output": "completion",
    "target": "completion", "context": "input",
}  # fmt: skip


class TurnColumns(RoleColumns):
    """The columns of what a conversation may have beside its turns, and the keys of a turn."""

    NO_COLUMNS: ClassVar[tuple[str, ...]] = TURN_KEYS

    messages: ColumnName | None = column("The turns of a conversation: a list of objects, or its JSON text.")
    prompt: ColumnName | None = column("What is asked: a text, or a list of turns.")
    system: ColumnName | None = column("The system's turn.")
    input: ColumnName | None = column("What the prompt is about, put below it.")
    history: ColumnName | None = column("Turns before the prompt, as pairs of a user's and an assistant's.")
    tools: ColumnName | None = column("Definitions of tools: a list of JSON Schema functions, or its JSON text.")
    role: ColumnName | None = column("The key of a turn that says whose it is.")
    content: ColumnName | None = column("The key of a turn that has what was said.")


class DialogueData(RoleFiles):
    """What is read, how much of it, and how it is split; a layout adds its columns."""

    asked_rows: ClassVar[str] = "runner.data.dialogues.infer_rows"
    other_names: ClassVar[Mapping[str, str]] = ROLES_BY_OTHER_NAMES
    keys_of_cells: ClassVar[Sequence[str]] = TURN_KEYS
    #: The module whose ``Layout`` makes rows of a file's.
    made_by: ClassVar[str]
    #: Its file of the sample, where it is another layout's.
    sample_file: ClassVar[str] = ""
    #: What happens to a row that is too long, for a warning.
    cut_away: ClassVar[str] = "what is over max_length tokens is cut, the answer with it"
    #: The step of `runner data` that makes rows to train on of raw files, where there is one.
    cleaned_by: ClassVar[str] = ""

    dataset: DataPath = option(
        description="A file, a folder or a pattern (.jsonl, .json, .csv, .tsv, .parquet, .arrow; .gz too), or a data "
        "set of the Hub (hub:OWNER/NAME, its split train; hub:OWNER/NAME/FILE, a pattern too), or sample (packaged).",
        examples=["sample", "data/train.jsonl", "hub:HuggingFaceH4/no_robots"],
    )
    max_samples: int | None = most_samples()
    max_rows_lost: float = most_lost()

    def load(self, context: LoadContext) -> LoadedData:
        """Read, convert, draw, split: lists of the classes of :mod:`runner.data.dialogues.row_types`.

        Raises :class:`DataError` where no row can be used, or more are lost than ``max_rows_lost`` allows.
        """
        from runner.data.dialogues.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: Any) -> set[int]:
        """The rows of a split by their content."""
        from runner.data.dialogues.row_keys import content_key

        return {content_key(row) for row in part}

    @staticmethod
    def written(row: Any) -> dict[str, Any]:
        """A row as ``runner data convert`` writes it."""
        from runner.data.dialogues.canonical import document

        return document(row)

    def preview_text(self, loaded: LoadedData, rows: int) -> str:
        from runner.data.dialogues.preview import preview_text

        return preview_text(loaded.train, rows)

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.dialogues.preview import preview

        return preview(loaded.train, rows)

    @property
    def source(self) -> str:
        """The path or name of the data: of the sample, its file's path."""
        if self.dataset != SAMPLE:
            return self.dataset
        return str(Path(__file__).with_name("sample") / f"{self.sample_file or self.layout}.jsonl")


class TurnsData(DialogueData):
    """The same, of rows that are turns of a conversation."""

    role_words: dict[Word, Role] = option(
        factory=dict,
        description='Whose turn it is, for words that are not known: {"teacher": "assistant"}. Known are user, '
        "human, prompter; assistant, gpt, bot, model, ai, chatbot, agent; system, developer; tool, observation, "
        "function_response; function_call.",
    )
    split_think: bool = option(
        False,
        description="Take what stands between <think> and </think> in front of an answer as its reasoning; otherwise "
        "it is text.",
    )

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().asked_words(data) | {name: data.get(name) for name in ("role_words", "split_think")}
