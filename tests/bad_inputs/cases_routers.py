"""What users of routers get wrong: matrices of outcomes, votes, tables of costs."""

from __future__ import annotations

import json
from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.materials import battles, spec

LLMS = ("ada", "bob", "cyd")
CELLS: list[dict[str, Any]] = [
    {"prompt": f"q{at}", "model": llm, "score": (at + place) % 2, "cost": 0.1}
    for at in range(20)
    for place, llm in enumerate(LLMS)
]
CSV = "model_a,model_b,winner,prompt\n" + "".join(
    f"{row['model_a']},{row['model_b']},{row['winner']},q{at}\n" for at, row in enumerate(battles())
)
WIDE = "prompt,ada,bob\n" + "".join(f"q{at},{at % 2},{(at + 1) % 2}\n" for at in range(20))
COSTS = {"ada": 0.1, "bob": 0.2, "cyd": 0.3}


def trained(name: str, content: Any, *says: str, file: str = "data.jsonl", code: int = 4, **fields: Any) -> Case:
    """A file of data that is refused before a run is made; ``fields`` are the spec's ``data``."""

    def prepare(bench: Bench) -> None:
        bench.write(file, content)
        bench.write("spec.json", spec(data={"dataset": file} | fields))

    return Case(name=name, code=code, words=("train", "--spec-file", "spec.json"), says=says, prepare=prepare)


def matrix(name: str, change: dict[str, Any], *says: str, **outcomes: Any) -> Case:
    """A matrix of outcomes, all of its cells changed alike."""
    return trained(name, [cell | change for cell in CELLS], "data.jsonl", *says, outcomes=outcomes)


def routed(name: str, costs: Any, *says: str, code: int = 4, more: tuple[str, ...] = ()) -> Case:
    """A table of costs, or rules, that no LLM can be chosen by."""

    def prepare(bench: Bench) -> None:
        bench.furnish()
        bench.write("costs.json", costs)

    words = ("route", "--model", "elo_scoring/ratings", "--costs", "costs.json", "--prompts", "Hi", *more)
    return Case(name=name, code=code, words=words, says=says, prepare=prepare)


CASES = [
    trained(
        "two scores for one cell",
        [*CELLS, CELLS[0] | {"score": 0}],
        "data.jsonl:61: ada has two scores for one prompt (1 such rows in all)",
        '"duplicates": "mean" or "first"',
        outcomes={"duplicates": "refuse"},
    ),
    matrix("scores in per cent", {"score": "50%"}, "60 of 60 rows give no score", "'50%' in row 1", "such as 0.5"),
    matrix("scores that are words", {"score": "good"}, "a score is 'good' in row 1", "True and False"),
    matrix("scores that are lists", {"score": [1]}, "a score is [1] in row 1"),
    matrix("scores beyond the range", {"score": 50}, "60 of 60 rows give no score", score_range=[0, 1]),
    matrix("a matrix of one LLM", {"model": "ada"}, "no prompt among 60 rows has scores of two LLMs", "at least two"),
    matrix("a matrix without names", {"model": ""}, "60 of 60 rows give no score"),
    trained(
        "a matrix without the LLM that is named",
        WIDE,
        "data.csv: there is no column 'zoe', which data.outcomes.columns.models names",
        "there are: prompt, ada, bob",
        file="data.csv",
        outcomes={"columns": {"prompt": "prompt", "models": ["ada", "zoe"]}},
    ),
    trained("a header with a column twice", CSV.replace("prompt", "model_a", 1), "data.csv:1", "'model_a' twice",
            "a name of its own", file="data.csv"),
    trained("votes in a TSV called CSV", CSV.replace(",", "\t"), "data.csv:1", "data.delimiter", file="data.csv"),
    trained("votes in UTF-16 with a mark", CSV.encode("utf-16"), "data.csv", "it is UTF-16", "iconv", file="data.csv"),
    trained("votes without a header", CSV.partition("\n")[2], "data.csv:1: missing columns", "there are: ada, bob",
            file="data.csv"),
    trained("JSON lines with a comma in the end", "".join(f"{json.dumps(row)[:-1]},}}\n" for row in battles()),
            "data.jsonl:1: not JSON", "one JSON object a line"),
    trained("JSON lines joined by commas", "".join(f"{json.dumps(row)},\n" for row in battles()),
            "data.jsonl:1: not JSON", "extra data"),
    trained("winners that are numbers", [row | {"winner": at % 2} for at, row in enumerate(battles())],
            "'winner' has '0', '1'", "data.winner_values"),
    trained("nobody is named", [row | {"model_a": None} for row in battles()], "missing model name (24, first in line"),
    trained("every LLM against itself", [row | {"model_b": row["model_a"]} for row in battles()],
            "same model twice (24"),
    trained("a winner word of both sides", battles(), "/data/winner_values: 'left' is in model_a and in model_b",
            code=3, winner_values={"model_a": ["left"], "model_b": ["left"]}),
    routed("a negative cost", COSTS | {"ada": -1}, "costs.json: not costs: ada: a cost is a number of at least 0"),
    routed("a cost that is a text", COSTS | {"ada": "0.1"}, "ada: a cost is a number", "it is '0.1'"),
    routed("a cost that is no number", '{"ada": NaN, "bob": 1}', "ada: a cost is a number", "it is nan"),
    routed("a price that is none", COSTS | {"ada": {"inputs": 1}}, "ada: there is no price called inputs: call, input"),
    routed("a negative price", COSTS | {"ada": {"input": -1}}, "ada: input is a number of at least 0"),
    routed("costs with an LLM twice", '{"ada": 1, "ada": 2, "bob": 1}', "costs.json", "'ada' comes twice"),
    routed("costs in CSV", "ada,0.1\nbob,0.2\n", "costs.json: not a table of costs", 'a table is {"NAME": 0.01'),
    routed("an LLM without a cost", {"ada": 1}, "no cost is given for bob", "--models-to-score", code=2,
           more=("--models-to-score", "ada", "bob")),
    routed("costs of an LLM in other letters", {"Ada": 1, "bob": 1}, "does not know 'Ada'", "did you mean 'ada'",
           code=5),
]  # fmt: skip
