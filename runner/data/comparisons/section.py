"""The ``data`` section of a router's spec: comparisons, from a name or a path to two splits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from runner import near_names
from runner.contract import DataSection, LoadContext, LoadedData, ModelSpec, Table, option
from runner.data import hub_files
from runner.data.comparisons import catalog
from runner.data.comparisons.comparison_arrays import Comparisons
from runner.data.comparisons.comparison_columns import Columns, WinnerValues
from runner.data.outcomes import Outcomes
from runner.data.outcomes.outcome_fields import OutcomeColumns
from runner.data.records.data_files import READ, SUFFIXES, data_files, is_pattern
from runner.data.text_files import TextFiles, unset
from runner.errors import DataError, NotFoundError
from runner.workspace import absolute

#: NumPy's arrays, which hold a matrix of outcomes.
ARRAYS = ".npz"
#: What is not read, whatever it holds: a program that looks like data.
PICKLES = (".pkl", ".pickle")


def _letters(suffix: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in suffix)


_ENDINGS = "|".join(_letters(suffix.removeprefix(".")) for suffix in (*SUFFIXES, ARRAYS))
#: A file by its name's end; a folder or a pattern by a slash or a star in it. A path has no control character in it.
#: (`(?!\n)$` is the very end in ECMA's and in Python's dialect alike.)
_PATH = rf"^[^\u0000-\u001f]*([/*?\[][^\u0000-\u001f]*|[^\u0000-\u001f]\.({_ENDINGS})(\.[gG][zZ])?)(?!\n)$"
_EXPECTED = f"the path of {READ}; a folder's has a slash in it"


def _known(dataset: str) -> str:
    if dataset in catalog.NAMES or re.search(_PATH, dataset):
        return dataset
    if dataset.lower().endswith(PICKLES):
        name = dataset.rpartition(".")[0]
        raise PydanticCustomError(
            "pickle",
            "is a pickle, which can run any code when it is read, and is not; where you trust it: python -c {command}",
            {"command": f"\"import pandas; pandas.read_pickle('{dataset}').to_parquet('{name}.parquet')\""},
        )
    near = near_names.nearest(dataset, catalog.NAMES)
    raise PydanticCustomError(
        "unknown_dataset",
        "should be one of {names}, or {path}{near}",
        {
            "names": ", ".join(catalog.NAMES),
            "path": _EXPECTED,
            "near": f" (did you mean {near!r}?)" if near else "",
        },
    )


Dataset = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(catalog.NAMES)},
                {"type": "string", "pattern": _PATH, "x-expected": _EXPECTED},
            ]
        }
    ),
]


def _container(dataset: str, pointer: str, cwd: Path) -> str:
    """What the files are. Raises for files that are not there or cannot be read."""
    path = Path(dataset).expanduser()
    if path.suffix.lower() != ARRAYS:
        return data_files(dataset, pointer, cwd)[1]
    if not (cwd / path).is_file():
        raise NotFoundError(
            "there is no such data file",
            where=f"{pointer}: {dataset}",
            hint="a relative path counts from the current directory",
        )
    return "npz"


class ComparisonsFields(DataSection):
    """What is loaded of comparisons, and how they are split."""

    dataset: Dataset = option(
        "lmarena_human_preference",
        description="lmarena_human_preference, chatbot_arena, both (the two together), sample (packaged), or the path "
        "of a .parquet, .arrow, .jsonl, .json, .csv or .tsv file (.gz as well), of a folder (with a slash) or a "
        "pattern of them, or hub:OWNER/NAME (its split train), in either raw layout or as a table of one comparison a "
        "row.",
    )
    columns: Columns | None = option(
        None,
        description="The columns of a table with one comparison a row, where they are called otherwise than prompt, "
        "model_a, model_b, response_a, response_b, winner. Only with a path.",
    )
    winner_values: WinnerValues | None = option(
        None, description="The words of the winner's column, where they are others. Only with a path."
    )
    outcomes: Outcomes | None = option(
        None,
        exclude_if=unset,
        description="An outcome matrix, a score for each prompt and LLM, of which comparisons are drawn: its form, and "
        "how they are. Without it a file that is surely one is read with the defaults. Only with a path.",
    )
    max_rows_lost: float = option(
        0.5, ge=0, le=1, description="The share of the rows that may be unusable; with more, the data is refused."
    )
    max_samples: int | None = option(
        None,
        ge=1,
        description="Downsample to this many rows (of an outcome matrix: prompts), seeded, before rare LLMs are "
        "dropped; null keeps all.",
    )
    validation_split: float = option(
        0.2,
        ge=0,
        lt=1,
        older=("valiation_split",),
        description="Share of the rows held out, by prompt: no prompt is on both sides. 0 holds nothing out.",
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the downsampling, of the split and of training.")


class ComparisonsData(TextFiles, ComparisonsFields):
    """The ``data`` object of a router's spec."""

    layout: ClassVar[str] = "comparisons"

    def load(self, context: LoadContext) -> LoadedData:
        """Read, check, downsample, drop rare LLMs, split: train and validation are :class:`Comparisons`.

        The split is by prompt (its words, whatever their case and spacing), so it is as near to ``validation_split``
        as whole prompts allow. Raises :class:`DataError` when nothing is left, when there is one LLM only, or when one
        prompt cannot be split; and what :func:`runner.data.comparisons.sources.read` raises.
        """
        from runner.data.comparisons.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: Comparisons) -> set[str]:
        """The prompts of a split, whatever their case and spacing; of votes without prompts, the rows."""
        from runner.data.comparisons.prompt_split import split_key

        return {split_key(part.keys[at]) for at in set(part.prompt.tolist())}

    def network_needed(self, cache: Path) -> bool:
        return catalog.network_needed(self.dataset)

    def check(self, cwd: Path) -> None:
        for field in ("columns", "winner_values", "outcomes", "delimiter", "encoding"):
            if getattr(self, field) is not None and not catalog.is_path(self.dataset):
                raise DataError(
                    f"{field} describes a file, and {self.dataset} is a data set with a layout of its own",
                    where=f"/data/{field}",
                    hint="name your file in data.dataset, or take this out",
                )
        if self.outcomes is not None and (self.columns is not None or self.winner_values is not None):
            field = "columns" if self.columns is not None else "winner_values"
            raise DataError(
                f"{field} describes comparisons, and outcomes a matrix of scores",
                where=f"/data/{field}",
                hint="name a matrix's columns in data.outcomes.columns, or take one of the two out",
            )
        if catalog.is_local(self.dataset):
            self.check_text({_container(self.dataset, "/data/dataset", cwd)})
        elif catalog.is_path(self.dataset):
            hub_files.hub_name(self.dataset, f"/data/dataset: {self.dataset}")

    def suits(self, spec: ModelSpec, cwd: Path) -> None:
        from runner.data.comparisons.quick_look import look

        if catalog.is_local(self.dataset):
            look(self, spec, cwd)

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.comparisons.quick_look import preview

        return preview(loaded.train, rows)

    def local_files(self) -> list[Path]:
        if not catalog.is_local(self.dataset):
            return []
        path = absolute(self.dataset, Path(), where="/data/dataset")
        return data_files(path)[0] if is_pattern(path) else [path]

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Roles that only a matrix of outcomes has make the file one."""
        document = super().document_of(path, columns)
        roles = document.get("columns", {})
        if roles.keys() & OutcomeColumns.model_fields.keys() - Columns.model_fields.keys():
            document["outcomes"] = {"columns": document.pop("columns")}
        return document

    @classmethod
    def roles(cls) -> dict[str, str]:
        """Those that only a matrix of outcomes has come last."""
        found = super().roles()
        of_matrix = {name: field.description or "" for name, field in OutcomeColumns.model_fields.items()}
        return found | {name: told for name, told in of_matrix.items() if name not in found}

    def resolved(self, cwd: Path) -> Self:
        if not catalog.is_local(self.dataset):
            return self
        return self.model_copy(update={"dataset": str(absolute(self.dataset, cwd, where="/data/dataset"))})
