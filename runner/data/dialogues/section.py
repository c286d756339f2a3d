"""The fields of ``data`` that the layouts of language models share, and what they tell before a run is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from runner.chat.messages import Role
from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.holdout import ColumnName
from runner.data.named_files import NamedFiles
from runner.data.role_columns import RoleColumns

#: Roles of a turn's keys, which are no columns.
TURN_KEYS = ("role", "content")
Path_ = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\u0000-\u001f]+$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=256)]

#: The data that comes with the program, in a file for each layout that has one.
SAMPLE = "sample"
#: Words for a role that other programs and layouts use, as ``runner data check --columns`` takes them.
ROLES_BY_OTHER_NAMES = {
    "conversations": "messages", "question": "prompt", "query": "prompt", "instruction": "prompt", "source": "prompt",
    "answer": "completion", "answers": "completion", "response": "completion", "output": "completion",
    "target": "completion", "context": "input",
}  # fmt: skip


def column(meaning: str) -> Any:
    """The column of a role, found by its own name and its usual other ones unless it is said."""
    return option(None, description=meaning)


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


class DialogueData(NamedFiles):
    """What is read, how much of it, and how it is split; a layout adds its columns."""

    asked_rows: ClassVar[str] = "runner.data.dialogues.infer_rows"
    #: The module whose ``Layout`` makes rows of a file's.
    made_by: ClassVar[str]
    PACKAGED: ClassVar[Sequence[str]] = (SAMPLE,)
    #: Its file of the sample, where it is another layout's.
    sample_file: ClassVar[str] = ""
    #: Words for a role beside the layout's own.
    other_names: ClassVar[Mapping[str, str]] = ROLES_BY_OTHER_NAMES
    #: What happens to a row that is too long, for a warning.
    cut_away: ClassVar[str] = "what is over max_length tokens is cut, the answer with it"

    dataset: Path_ = option(
        description="A file, a folder or a pattern (.jsonl, .json, .csv, .tsv, .parquet, .arrow; .gz too), or a data "
        "set of the Hub (hub:OWNER/NAME, its split train; hub:OWNER/NAME/FILE, a pattern too), or sample (packaged).",
        examples=["sample", "data/train.jsonl", "hub:HuggingFaceH4/no_robots"],
    )
    max_samples: int | None = option(None, ge=1, description="Use this many rows, drawn by their content.")
    max_rows_lost: float = option(
        0.5, ge=0, le=1, description="Fail where more than this share of the rows has to be left out."
    )

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

    def check(self, cwd: Path) -> None:
        self.refuse_without_effect()
        self.check_text(self.containers(cwd) or {"jsonl"})

    @property
    def own_columns(self) -> dict[str, str]:
        """The columns that the spec names, by their roles."""
        columns = getattr(self, "columns", None)
        return {} if columns is None else columns.model_dump(exclude_none=True)

    @property
    def named_columns(self) -> list[str]:
        # Keys of a turn are no columns.
        own = [name for role, name in self.own_columns.items() if role not in TURN_KEYS]
        ways = [getattr(self, way) for way in self.WAYS if way.endswith("_column")]
        return list(dict.fromkeys([*own, *(name for name in ways if name is not None)]))

    @property
    def source(self) -> str:
        """The path or name of the data: of the sample, its file's path."""
        if self.dataset != SAMPLE:
            return self.dataset
        return str(Path(__file__).with_name("sample") / f"{self.sample_file or self.layout}.jsonl")

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("columns", "role_words", "split_think", "encoding", "delimiter")}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        own = super().roles()
        return super().document_of(path, {cls._role(role, own): name for role, name in columns.items()})

    @classmethod
    def _role(cls, word: str, own: Mapping[str, str]) -> str:
        return word if word in own else cls.other_names.get(word, word)

    @classmethod
    def roles(cls) -> dict[str, str]:
        """The layout's own, then what other programs call them."""
        own = super().roles()
        others = {word: f"The same as {role}." for word, role in cls.other_names.items() if role in own}
        return own | {word: told for word, told in others.items() if word not in own}


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
