"""Tagged tokens that nothing can be learned from."""

from __future__ import annotations

from typing import Any

from tests.bad_inputs.case import Bench, Case

Rows = list[dict[str, Any]]
GOOD: Rows = [{"tokens": [f"w{at}", "Oslo"], "tags": ["O", "B-LOC"]} for at in range(10)]


def document(data: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A good spec of the rows."""
    own = {"model_type": "token_classification", "base_model_name": "runner/tiny-bert", "max_length": 32, "stride": 8}
    return {
        "model": {"name": "tagger", "spec": own | spec},
        "data": {"dataset": "rows.jsonl"} | (data or {}),
        "run": {"executor": "local"},
    }


def tagged(name: str, content: Any, *says: str, spec: dict[str, Any] | None = None, **more: Any) -> Case:
    """A training on the file that the spec names."""

    def prepare(bench: Bench) -> None:
        bench.write("spec.json", spec or document())
        bench.write((spec or document())["data"]["dataset"], content)

    settings = {"code": 4, "words": ("train", "--spec-file", "spec.json"), "leaves": "failed"} | more
    return Case(name=f"tokens: {name}", says=says, prepare=prepare, **settings)


def misspelt(name: str, *says: str, data: dict[str, Any] | None = None, **spec: Any) -> Case:
    """What the spec itself has wrong."""
    return tagged(name, GOOD, *says, spec=document(data, **spec), code=3, leaves=None)


CASES: tuple[Case, ...] = (
    misspelt("a stride as long as a window", "/model/spec/stride", "at most 29", stride=32),
    misspelt("columns of another kind", "/data/columns/target", data={"columns": {"text": "tokens", "target": "ner"}}),
    misspelt("a scheme that there is not", "/data/scheme", "IOB2", data={"scheme": "IOB3"}),
    misspelt("a type without a name", "/data/entity_types/1", data={"entity_types": ["LOC", ""]}),
    tagged(
        "no such column",
        "words,tags\na b,O B-LOC\n",
        "there is no column 'token'",
        "rows.csv:1",
        spec=document({"dataset": "rows.csv", "columns": {"tokens": "token"}}),
        leaves=None,
    ),
    tagged(
        "tags that are numbers",
        [{"tokens": ["in", "Oslo"], "ner_tags": [0, 1]}] * 4,
        "tags are numbers, and nothing says what they stand for",
        "/data/tag_names",
    ),
    tagged(
        "most rows with more tags than tokens",
        [*GOOD[:2], *({"tokens": ["in", "Oslo"], "tags": ["O"]} for _ in range(3))],
        "3 of 5 rows cannot be used: length_mismatch 3",
        "line 3: 2 tokens and 1 tags",
    ),
    tagged(
        "no entity in any row",
        [{"tokens": [f"w{at}", "here"], "tags": ["O", "O"]} for at in range(10)],
        "no row of training has an entity",
    ),
    tagged(
        "spans that all overlap",
        [{"text": f"New York {at}", "entities": [[0, 8, "LOC"], [4, 8, "LOC"]]} for at in range(4)],
        "overlapping_spans",
        "'New York' (LOC) and 'York' (LOC) overlap",
    ),
)
