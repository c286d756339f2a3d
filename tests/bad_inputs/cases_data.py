"""Data that nothing can be trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bad_inputs.case import LONG, Bench, Case
from tests.bad_inputs.materials import battle, battles, spec

TRAIN = ("train", "--spec-file", "spec.json")


def data(name: str, content: Any, *says: str, document: dict[str, Any] | None = None, **more: Any) -> Case:
    """A good spec on a ``data.jsonl`` that is not. ``content`` may be a function that lays it out."""

    def prepare(bench: Bench) -> None:
        bench.write("spec.json", document or spec())
        if callable(content):
            content(bench)
        elif content is not None:
            bench.write("data.jsonl", content)

    settings = {"code": 4, "words": TRAIN, "leaves": "failed"} | more
    return Case(name=name, says=says, prepare=prepare, **settings)


def seen(name: str, content: Any, *says: str, **more: Any) -> Case:
    """A fault of ``data.jsonl`` that leaves no run."""
    return data(name, content, "/data/dataset: data.jsonl", *says, leaves=None, **more)


def looked(name: str, content: Any, *says: str, **more: Any) -> Case:
    """A fault in what the file holds, that is told before a run is made as well."""
    return data(name, content, "/data/dataset: ", *says, leaves=None, **more)


def parquet(rows: list[dict[str, Any]], change: Callable[[bytes], bytes] = bytes) -> Callable[[Bench], None]:
    """``data.parquet`` of these rows, its bytes changed."""

    def prepare(bench: Bench) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = bench.home / "data.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        path.write_bytes(change(path.read_bytes()))

    return prepare


def without(*columns: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in columns} for row in battles()]


def folder(bench: Bench) -> None:
    (bench.home / "data.jsonl").mkdir()


def unreadable(bench: Bench) -> None:
    bench.forbid(bench.write("data.jsonl", battles()), 0)


def no_pyarrow(bench: Bench) -> None:
    """A machine where pyarrow cannot be imported, however well it is installed."""
    parquet(battles())(bench)
    bench.write("shadow/pyarrow/__init__.py", 'raise ImportError("No module named pyarrow", name="pyarrow")\n')
    bench.facts["shadow"] = str(Path(bench.home / "shadow"))


GOOD = "".join(json.dumps(row) + "\n" for row in battles())
RATED = spec("bradley_terry_scoring")
PARQUET = spec(data={"dataset": "data.parquet"})
FILTERED = spec(data={"dataset": "data.jsonl", "max_samples": 20}, settings={"min_model_occurrences": 1000})
APART = battles(("ada", "bob")) + battles(("cyd", "dan"))
UNBEATEN = battles() + [battle("zoe", "ada", prompt=f"Riddle {n}?") for n in range(20)]
LAST = "/model/spec/min_model_occurrences"

CASES = [
    # What a look can tell is told before a run is made, with the field that names the file.
    seen("no such data file", None, "there is no such data file", code=5),
    seen("a folder for a data file", folder, "the folder has no data file"),
    seen("a data file that may not be read", unreadable, "may not be read", unprivileged=True),
    seen("an empty data file", b"", "the file is empty"),
    # So is what reading a small file tells.
    looked("blank lines only", b"\n\n  \n", "data.jsonl", "there is no row in it"),
    looked("a line that is not JSON", GOOD[:2000].rpartition("\n")[0] + "\n{oops\n", "data.jsonl:", "not JSON"),
    looked("a second line that is not JSON", GOOD.replace("\n", "\n{oops\n", 1), "data.jsonl:2: not JSON", "column 2"),
    looked("a last line that is cut off", GOOD[:-40], "data.jsonl:24: not JSON"),
    looked("a line that is a list", "[1, 2]\n" + GOOD, "data.jsonl:1: expected a JSON object"),
    looked(
        "one JSON document, indented", '{\n  "model_a": "ada"\n}\n', "data.jsonl:1: not JSON", "one JSON object a line"
    ),
    looked("a line that nests 100,000 deep", GOOD + "[" * 100_000 + "\n", "data.jsonl:25:"),
    looked(
        "a line that is not UTF-8", GOOD.encode() + b'{"model_a": "\xff"}\n', "data.jsonl:25: not UTF-8", "position 14"
    ),
    looked("JSON lines in UTF-16", GOOD.encode("utf-16"), "data.jsonl: not UTF-8", "UTF-16"),
    looked("a column missing", without("winner"), "data.jsonl", "missing column winner"),
    looked("columns missing", without("winner", "conversation_b"), "missing columns winner, conversation_b"),
    looked("a misspelt column", GOOD.replace('"winner"', '"winer"'), "missing column winner", "'winer' for 'winner'"),
    looked(
        "winners that nobody knows", [row | {"winner": "zoe"} for row in battles()], "data.jsonl", "'winner' has 'zoe'"
    ),
    looked(
        "one LLM only", [row | {"model_a": "ada", "model_b": "ada"} for row in battles()], "data.jsonl", "one LLM only"
    ),
    looked(
        "answers that are all empty",
        [battle("ada", "bob", answers=("", " "))] * 9,
        "data.jsonl",
        "(9, first in line 1)",
        # A rating takes them; who reads answers cannot.
        document=spec("dn_embedding") | {"epochs": 1, "batch_size": 8},
    ),
    looked("conversations of no turns", [row | {"conversation_a": []} for row in battles()], "empty conversation (24"),
    looked(
        "conversations that are text", [row | {"conversation_a": "hi"} for row in battles()], "no list of messages (24"
    ),
    data("one prompt only", [battle("ada", "bob")] * 9, "/data/validation_split", "all 9 rows have one prompt"),
    data(
        "a filter that leaves nothing",
        battles(),
        LAST,
        "/data/max_samples 20",
        "drops every one of them",
        "min_model_occurrences of at most",
        document=FILTERED,
    ),
    data("a graph in two parts", APART, "/model/spec/regularization", "never compared with the others", document=RATED),
    data("an LLM that only won", UNBEATEN, "/model/spec/regularization", "'zoe': only won", document=RATED),
    looked(
        "Parquet that is cut off",
        parquet(battles(), lambda whole: whole[:-200]),
        "data.parquet",
        "not a whole Parquet",
        document=PARQUET,
    ),
    looked(
        "Parquet that is none",
        parquet(battles(), lambda whole: b"PAR1 or so"),
        "data.parquet",
        "not a whole Parquet",
        document=PARQUET,
    ),
    looked(
        "Parquet with a hole in it",
        parquet(battles(), lambda whole: whole[:60] + b"\xff" * 200 + whole[260:]),
        "data.parquet",
        document=PARQUET,
    ),
    looked("Parquet without rows", parquet([]), "data.parquet", document=PARQUET),
    looked(
        "Parquet without columns of ours",
        parquet([{"text": "hi"}]),
        "data.parquet",
        "missing columns",
        document=PARQUET,
    ),
    looked(
        "Parquet with numbers for names",
        parquet([row | {"model_a": 1.5} for row in battles()]),
        "data.parquet",
        document=PARQUET,
    ),
    data(
        "no pyarrow for Parquet",
        no_pyarrow,
        "needs the package pyarrow",
        "pip install",
        document=PARQUET,
        code=6,
        environment={"PYTHONPATH": "{shadow}"},
        marks=LONG,
    ),
    data(
        "a data set of the Hub without a network",
        None,
        "chatbot_arena",
        "HF_HUB_OFFLINE",
        code=6,
        document=spec(data={"dataset": "chatbot_arena"}),
        environment={"HF_HUB_OFFLINE": "1", "HF_HOME": "hub"},
        marks=LONG,
    ),
    data(
        "an embedding model that is nowhere",
        None,
        "nobody/no-such-model",
        code=6,
        document=spec(
            "dense_network",
            data={"dataset": "sample", "max_samples": 60},
            epochs=1,
            batch_size=8,
            settings={
                "embedding_model_name": "nobody/no-such-model",
                "hidden_dims": [4],
                "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.01},
            },
        ),
        environment={"HF_HUB_OFFLINE": "1", "HF_HOME": "hub"},
        marks=LONG,
    ),
]
