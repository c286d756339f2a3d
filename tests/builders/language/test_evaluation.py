"""Tasks that a model is asked while it is trained, and the figure that its best weights are told by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runner.errors import ConflictError, DataError, Stopped
from tests.builders.language.conftest import QUESTIONS, REINFORCED, ROWS, Asked, steps, weights
from tests.evaluation.task_documents import evaluated, result
from tests.talking_models import keep

#: Answers are drawn: what they are hangs on seeds, and must not hang on how often the model was asked before.
SAYS = {
    "by": "generation",
    "reference": "{answer}",
    "options": {"max_new_tokens": 3, "temperature": 1.0},
    "metrics": [{"metric": "chrf"}, {"metric": "exact_match"}],
}
LIKELY = {"by": "log_likelihood", "target": "{answer}"}
RATE = {"optimizer_type": "adamw", "learning_rate": 0.01}
#: All fields of the section but its tasks: two measurements of an epoch.
OFTEN = {"every": 2}


@pytest.fixture
def task_file(tmp_path: Path) -> Callable[..., str]:
    """A task file over some sums: ``task_file("sums", LIKELY)``, and the rows beside it."""

    def make(name: str, answer: dict[str, Any], rows: int = 4) -> str:
        lines = [{"question": text, "answer": f"It is {2 * at + 3}."} for at, text in enumerate(QUESTIONS[:rows])]
        data = tmp_path / f"{name}.jsonl"
        data.write_text("".join(json.dumps(line) + "\n" for line in lines))
        file = tmp_path / f"{name}.json"
        document = {"name": name, "data": {"dataset": str(data)}, "prompt": "{question}", "answer": answer}
        file.write_text(json.dumps(document))
        return str(file)

    return make


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind != "reward"])
@pytest.mark.slow
@pytest.mark.warm
def test_every_kind_that_answers_is_asked_tasks(trained, task_file, kind):
    fields = {"evaluation": {"tasks": [task_file("sums", LIKELY)]}}
    result, context = trained(kind, rows=ROWS[kind]()[:7], context={"epochs": 1}, **fields)
    names = {f"sums/{metric}" for metric in ("greedy_match", "log_likelihood", "perplexity")}
    assert names <= result.metrics.keys()
    assert all(names <= event["metrics"].keys() for event in steps(context))
    table = result.tables["tasks"]
    cells = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert (cells[0]["task"], cells[0]["metric"], cells[0]["n"]) == ("sums", "greedy_match", 4)
    for cell in cells:
        assert cell["after"] == result.metrics[f"sums/{cell['metric']}"]
    # What was learned has made the answers likelier, but for kinds that learn from rewards.
    gained = cells[1]["after"] > cells[1]["before"]
    assert gained or kind in REINFORCED


def test_figures_are_those_of_an_evaluation_of_the_stored_model(trained, task_file, tmp_path, monkeypatch):
    files = [task_file("sums", LIKELY), task_file("says", SAYS)]
    found, context = trained("sft", context={"epochs": 1}, evaluation={"tasks": files, "limit": 3})
    # Nothing moved after the last measurement, which was the best: it is of the weights that were stored.
    last = steps(context)[-1]["metrics"]
    home = tmp_path / "home"
    home.mkdir()
    keep(home, "sft/own", context.artifact)
    monkeypatch.chdir(home)
    document = evaluated(home, list(map(Path, files)), ["sft/own"], limit=3, seed=context.seed)
    for at, name, metric in ((0, "sums", "log_likelihood"), (1, "says", "chrf")):
        told = result(document, metric, "sft/own", at)["value"]
        assert told == found.metrics[f"{name}/{metric}"] == last[f"{name}/{metric}"]


@pytest.mark.parametrize(
    ("measure", "best"),
    [("loss", min), ("token_accuracy", max), ("sums/perplexity", min), ("sums/log_likelihood", max)],
)
def test_the_best_is_told_by_the_measure(trained, task_file, measure, best):
    # Rows of the task are learned, held-out rows are not: the two go apart.
    fields = {"optimizer": RATE | {"learning_rate": 0.05}, "max_grad_norm": None}
    section = OFTEN | {"measure": measure, "tasks": [task_file("sums", LIKELY)]}
    _, context = trained("sft", context={"epochs": 2}, evaluation=section, **fields)
    told = steps(context)
    values = [event["metrics"][measure] for event in told]
    kept = [value for value, event in zip(values, told, strict=True) if event["best"]][-1]
    assert kept == best(values)


def test_being_asked_changes_nothing_of_what_is_learned(trained, task_file):
    dropped = {"method": "lora", "rank": 4, "dropout": 0.2}
    fields = {"finetuning_spec": dropped, "neftune_noise_alpha": 5.0, "keep": "last"}
    _, plain = trained("sft", "plain", evaluation=OFTEN, **fields)
    files = [task_file("sums", LIKELY), task_file("says", SAYS)]
    _, asked = trained("sft", "asked", evaluation=OFTEN | {"tasks": files}, **fields)
    ours, theirs = weights(asked.artifact), weights(plain.artifact)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_stopped_while_it_is_asked_it_goes_on_to_the_same_bytes(trained, task_file):
    files = [task_file("sums", LIKELY), task_file("says", SAYS)]
    section = OFTEN | {"tasks": files, "measure": "says/chrf"}
    fields = {"evaluation": section, "optimizer": RATE}
    spent = {"epochs": 2}
    counted = Asked()
    whole, one = trained("sft", "whole", context=spent | {"stop_requested": counted}, **fields)
    for number in range(counted.count // 3, counted.count, counted.count // 3):
        name = f"stopped-{number}"
        with pytest.raises(Stopped):
            trained("sft", name, context=spent | {"stop_requested": Asked(number)}, **fields)
        again, other = trained("sft", name, context=spent, **fields)
        assert again.metrics == whole.metrics and again.best_epoch == whole.best_epoch
        ours = weights(other.artifact)
        assert all(torch.equal(ours[name], value) for name, value in weights(one.artifact).items())


def test_more_rows_than_a_task_has_are_told_by_the_field(trained, task_file):
    with pytest.raises(DataError, match="are wanted") as caught:
        trained("sft", evaluation={"tasks": [task_file("sums", LIKELY)], "limit": 99})
    assert str(caught.value).startswith("/model/spec/evaluation/limit, ")


def test_other_rows_than_the_run_began_with_are_refused(trained, task_file):
    section = OFTEN | {"tasks": [task_file("sums", LIKELY)]}
    stop = Asked(12)
    with pytest.raises(Stopped):
        trained("sft", context={"epochs": 2, "stop_requested": stop}, evaluation=section)
    task_file("sums", LIKELY, rows=5)
    with pytest.raises(ConflictError) as caught:
        trained("sft", context={"epochs": 2}, evaluation=section)
    assert caught.value.where == "/model/spec/evaluation/tasks"


def test_a_task_ends_a_training_early_without_held_out_rows(trained, task_file):
    section = {"every": 1, "measure": "sums/perplexity", "tasks": [task_file("sums", LIKELY)]}
    early = {"patience": 1, "min_delta": 1e9}
    _, context = trained("sft", held=0, context={"epochs": 3}, evaluation=section, early_stopping=early)
    assert len(steps(context)) == 2
    (told,) = context.emit.of("stopped_early")
    assert (told["done"], told["unit"]) == (2, "steps")


@pytest.mark.parametrize("kind", ["sft", "reward", "grpo"])
def test_patience_without_a_held_out_row_is_refused(trained, kind):
    with pytest.raises(DataError) as caught:
        trained(kind, held=0, early_stopping={"patience": 1})
    assert caught.value.where == "/model/spec/early_stopping"
    assert "nothing ends the training early" in caught.value.message


@pytest.mark.parametrize(("kind", "measure"), [("sft", "perplexity"), ("reward", "accuracy"), ("grpo", "reward")])
def test_a_measure_of_held_out_rows_without_one_is_refused(trained, kind, measure):
    with pytest.raises(DataError, match="no row is held out") as caught:
        trained(kind, held=0, evaluation={"measure": measure})
    assert caught.value.where == "/model/spec/evaluation/measure"


def test_a_measurement_after_the_end_is_refused(trained):
    with pytest.raises(DataError) as caught:
        trained("sft", evaluation={"every": 50})
    assert caught.value.where == "/model/spec/evaluation/every"
    assert caught.value.message == "is 50, and the training has 6 steps"
