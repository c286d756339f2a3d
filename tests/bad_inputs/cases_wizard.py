"""Questions that nobody can be asked, and answers that are none: ``runner new``."""

from __future__ import annotations

import json

from tests.bad_inputs.case import Bench, Case

ROWS = "review,label\n" + "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(40))
TABLE = ("new", "tabular_classification", "--set", "name=rows", "--yes", "--no-start")


def refused(name: str, code: int, words: tuple[object, ...], *says: str, **more: object) -> Case:
    return Case(name=name, code=code, words=words, says=says, **more)  # type: ignore[arg-type]


def rows(bench: Bench) -> None:
    bench.write("rows.csv", ROWS)


def broken(content: str):
    def prepare(bench: Bench) -> None:
        bench.write("drafts/20260101-000000-1.json", content)

    return prepare


def answers(content: object):
    def prepare(bench: Bench) -> None:
        rows(bench)
        bench.write("answers.json", content)

    return prepare


CASES = [
        refused("wizard without a terminal", 2, ("new",), "nobody can be asked here", "no terminal", "missing: kind"),
        refused("wizard in CI", 2, ("new", "sft"), "CI is set", "/data/dataset",
                environment={"CI": "true"}),
        refused("wizard with yes and nothing else", 2, ("new", "--yes"), "missing: kind"),
        refused("wizard with yes lists every name", 2, ("new", "grpo", "--yes"), "/data/dataset",
                "/model/spec/rewards"),
        refused("train interactive without a terminal", 2, ("train", "--interactive"), "nobody can be asked here",
                "missing: kind, /model/name, /data/dataset"),
        refused("wizard of a kind that is none", 5, ("new", "text_clasification", "--yes"),
                "there is no model type 'text_clasification'", "did you mean 'text_classification'?"),
        refused("wizard set of a field that is none", 2, (*TABLE, "--set", "epocs=3"), "there is no field 'epocs'",
                "did you mean 'epochs'?"),
        refused("wizard set without a value", 2, (*TABLE, "--set", "epochs"), "'epochs' is no KEY=VALUE"),
        refused("wizard set of a wrong value", 2, (*TABLE, "--set", "validation_split=2"), "--set validation_split",
                "at least 0, below 1"),
        refused("wizard set of a word that is none of a list", 2, (*TABLE, "--set", "imputation=mena"),
                "--set imputation", "'mena' is not"),
        refused("wizard set of a branch that is none", 2, (*TABLE, "--set", "learner.learner_type=xgbost"),
                "'xgbost' is none of them", "did you mean 'xgboost'?"),
        refused("wizard set before the kind is known", 2, ("new", "--set", "epochs=3", "--yes"),
                "which kind has 'epochs'?"),
        refused("wizard resumed with nothing saved", 5, ("new", "--resume"), "no saved answers to go on with"),
        refused("wizard resumed with a broken file", 4, ("new", "--resume"), "not JSON", "20260101-000000-1.json",
                prepare=broken('{"version": 1')),
        refused("wizard resumed with the file of another version", 4, ("new", "--resume"), "of version 7",
                prepare=broken('{"version": 7}')),
        refused("wizard resumed with a file that lacks parts", 4, ("new", "--resume"), "parts of it are missing",
                prepare=broken('{"version": 1, "document": {}}')),
        refused("wizard resumed and told more", 2, ("new", "sft", "--resume"), "--resume goes on with answers"),
        refused("wizard with answers that are not there", 2, ("new", "--answers", "none.json", "--yes"),
                "--answers none.json", "No such file"),
        refused("wizard with answers that are no JSON", 2, ("new", "--answers", "answers.json", "--yes"), "not JSON",
                prepare=answers("{")),
        refused("wizard with answers that are a list", 2, ("new", "--answers", "answers.json", "--yes"),
                "not a JSON object", prepare=answers("[1]")),
        refused("wizard with an answer that is no field", 2, ("new", "--answers", "answers.json"),
                "there is no field 'epocs'", prepare=answers(json.dumps({"kind": "sft", "epocs": 3}))),
        refused("wizard with a start that is no yes or no", 2, ("new", "--answers", "answers.json"),
                "start is true or false", prepare=answers(json.dumps({"kind": "sft", "start": "y"}))),
        refused("wizard with a name that is a path", 2, ("new", "elo_scoring", "--yes", "--set", "epochs=1", "--set",
                "data=sample", "--set", "/model/name=a/b"), "/model/name"),
        refused("wizard of data that is not there", 5, (*TABLE, "--set", "data=rwos.csv"), "rwos.csv"),
        refused("wizard from a spec that is not there", 5, ("new", "--from", "none.json", "--yes"), "none.json"),
]  # fmt: skip
