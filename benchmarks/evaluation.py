"""The time of a multiple choice by `runner evaluate` over that of lm-evaluation-harness, on the same rows and model.

    python benchmarks/evaluation.py [--model HuggingFaceTB/SmolLM2-135M-Instruct] [--rows 32] [--letters] [--data FILE]

Both open the model, read the rows, ask for the likelihood of every choice in batches of 8, and count. Each has answered
two rows before, so that libraries are loaded and files were read; then they take turns, twice each. Beside the seconds
that passed stand those of the processor, which tell less of what else the machine does. The likelihoods are compared,
those of both also with what the harness computes in float64, once and without a clock.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH = 8
PROMPT = "Question: {question}\nAnswer:"
NAME = "choices"
#: Words that no model has to know: rows of any number, which need no file.
WORDS = ("river", "stone", "window", "garden", "winter", "market", "letter", "engine", "bridge", "candle", "forest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--data", type=Path, help="JSON Lines with question, best_answer and incorrect_answers")
    parser.add_argument("--letters", action="store_true", help="choices of one token each")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    import torch

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        rows = list(made(arguments.rows, arguments.letters) if arguments.data is None else real(arguments))
        model = stored(home, arguments.model)
        write(home, rows[:2])
        roads: dict[str, Callable[[], list[list[float]]]] = {
            "runner evaluate": lambda: ours(home, model),
            "lm_eval": lambda: theirs(home, home / "models" / model / "v1"),
        }
        for road in roads.values():
            road()
        write(home, rows)
        found = compared(roads, theirs(home, home / "models" / model / "v1", "float64"))
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{len(rows)} rows, {found['choices']} choices; greatest difference of a likelihood: {found['gap']:.1e} nats, "
        f"{found['share']:.1e} of it"
    )
    told = (f"{name} {each:.1e} nats" for name, each in found["from_float64"].items())
    print(f"from lm_eval's in float64: {', '.join(told)}")
    for name in ("runner evaluate", "lm_eval"):
        told = (f"{own:>7.1f} s {own / other:>5.2f}x" for own, other in zip(found[name], found["lm_eval"], strict=True))
        print(f"{name:<16} {'   of the processor '.join(told)}")


def write(home: Path, rows: list[dict[str, Any]]) -> None:
    (home / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def made(count: int, letters: bool) -> Any:
    """Rows with four choices each."""
    for at in range(count):
        words = [WORDS[(at * 5 + place * 3) % len(WORDS)] for place in range(4)]
        choices = list("ABCD") if letters else [f"the {word} beside the {words[place - 1]}" for place, word in
                                                enumerate(words)]  # fmt: skip
        told = ", ".join(f"{letter}) {word}" for letter, word in zip("ABCD", words, strict=True))
        yield {"question": f"Number {at}. Which of these is the odd one out: {told}?", "choices": choices, "right": 1}


def real(arguments: argparse.Namespace) -> Any:
    with arguments.data.open(encoding="utf-8") as lines:
        for _, line in zip(range(arguments.rows), lines, strict=False):
            row = json.loads(line)
            others = [each for each in dict.fromkeys(row["incorrect_answers"]) if each != row["best_answer"]]
            yield {"question": row["question"], "choices": [row["best_answer"], *others], "right": 0}


def stored(home: Path, name: str) -> str:
    """Keep a pretrained model as a stored one that goes on with texts."""
    from runner.store.manifest import ModelFacts
    from runner.store.model_storing import promote
    from runner.training import pretrained
    from runner.workspace import Workspace

    folder = home / "made"
    shutil.copytree(pretrained.resolve(name, None, Workspace.current().cache), folder)
    (folder / "language_model.json").write_text(json.dumps({"format": 1, "form": "whole", "max_length": 2048}))
    spec = {"model": {"name": "own", "spec": {"model_type": "causal_lm"}}}
    promote(home / "models", "causal_lm", "own", folder, ModelFacts(created="2026-01-31T12:00:00Z", spec=spec))
    return "causal_lm/own"


def compared(roads: dict[str, Callable[[], list[list[float]]]], exact: list[list[float]]) -> dict[str, Any]:
    """The mean seconds of each, and how far their likelihoods are apart, and each from the exact ones."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in roads}
    logs: dict[str, list[list[float]]] = {}
    for _ in range(2):
        for name, road in roads.items():
            began, busy = time.perf_counter(), time.process_time()
            logs[name] = road()
            times[name].append((time.perf_counter() - began, time.process_time() - busy))
    pairs = side_by_side(*logs.values())
    away = {name: max(abs(own - other) for own, other in side_by_side(each, exact)) for name, each in logs.items()}
    means = {name: [statistics.fmean(each) for each in zip(*told, strict=True)] for name, told in times.items()}
    gap, share = (max(abs(own - other) / by(other) for own, other in pairs) for by in (lambda _: 1.0, abs))
    return means | {"choices": len(pairs), "gap": gap, "share": share, "from_float64": away}


def side_by_side(some: list[list[float]], others: list[list[float]]) -> list[tuple[float, float]]:
    """The likelihoods of every choice, of two roads."""
    return [(own, other) for row, same in zip(some, others, strict=True) for own, other in zip(row, same, strict=True)]


def ours(home: Path, model: str) -> list[list[float]]:
    from runner.evaluation.evaluating import Plan, evaluate, prepare
    from runner.spec.evaluation_checking import load_task
    from runner.workspace import Workspace

    answer = {"by": "multiple_choice", "choices": ["choices"], "correct": "right", "correct_is": "index"}
    document = {"name": NAME, "data": {"dataset": str(home / "rows.jsonl")}, "prompt": PROMPT, "answer": answer}
    plan = Plan([model], [load_task(json.dumps(document))], batch_size=BATCH, fresh=True)
    workspace = Workspace(home / "runs", home / "models", home / "outputs", home / "outbox", home / "cache")
    evaluate(prepare(plan, workspace), home / "out", lambda event: None)
    samples = home / "out" / "samples" / NAME / "causal_lm--own--v1.jsonl"
    records = [json.loads(line) for line in samples.read_text().splitlines()]
    return [[choice["log_prob"] for choice in record["choices"]] for record in records]


def theirs(home: Path, folder: Path, dtype: str = "float32") -> list[list[float]]:
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    suites = home / "suites"
    suites.mkdir(exist_ok=True)
    (suites / "choices.yaml").write_text(
        f"task: {NAME}\noutput_type: multiple_choice\n"
        f"doc_to_text: {json.dumps(PROMPT.replace('{question}', '{{question}}'))}\n"
        'doc_to_choice: "{{choices}}"\ndoc_to_target: "{{right}}"\n'
        "metric_list: [{metric: acc}, {metric: acc_norm}]\n"
        f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {home / 'rows.jsonl'}}}}}\ntest_split: test\n"
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        found = simple_evaluate(
            HFLM(pretrained=str(folder), device="cpu", dtype=dtype, batch_size=BATCH),
            tasks=[NAME],
            task_manager=TaskManager(include_path=str(suites), include_defaults=False),
            bootstrap_iters=1000,
        )
    samples = sorted(found["samples"][NAME], key=lambda each: each["doc_id"])
    return [[answer[0] for answer in sample["filtered_resps"]] for sample in samples]


if __name__ == "__main__":
    # Both are local: nobody asks a network about a folder's name.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    main()
