"""Every kind that ranks, beside the others, on four data sets: held-out prompts, one table each, as Markdown.

    python benchmarks/routers.py --data FOLDER [--sets sample PandaLM ...] [--kinds elo_scoring ...]

The data sets are the packaged ``sample``, PandaLM's human comparisons, people's votes on MT-Bench and people's votes
on 59 LLMs (LLMFAO); all but the first need ``--data``. Prompts are divided into folds: each fold is scored once by
models that saw none of its prompts, so that what a model was chosen by (the best epoch, the temperature) is no part of
what it is measured on. Every model is trained by ``runner train --executor local`` from a spec that is written here,
on the rows of the other folds, a fifth of whose prompts it holds out for itself; the stored model is asked. With
``--here`` the same specs are trained in this process, one after the other: the models are the same, and what starting
processes, recording runs and storing models costs is not in the seconds.

Settings are the kinds' defaults but for what :data:`KINDS` says. A kind that reads answers cannot be trained on
MT-Bench's votes, which come without them. The share of decided comparisons whose winner has the higher score has a 95 %
interval (bootstrap over prompts); ``~`` says that a paired bootstrap cannot tell it from the best one's. Seconds are of
the processor, of one whole training (the median of the folds'), with embeddings cached by an earlier one.
"""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

# Before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from silent_training import silent, silent_context

from runner import registry
from runner.contract import LoadContext
from runner.inference.opening import open_model
from runner.spec.checking import load_object
from runner.statistics.paired_bootstrap import resample
from runner.workspace import Workspace

ENCODER = "all-MiniLM-L6-v2"
SEED = 42
CHOSEN = "cross-validated"
#: What each spec says beside the kind's defaults, and the epochs.
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "bradley_terry_scoring": ({}, 1),
    "elo_scoring": ({}, 5),
    "greedy_ranking": ({}, 1),
    "least_squares_scoring": ({}, 1),
    "mcmf_scoring": ({}, 1),
    "simple_scoring": ({"optimizer": {"optimizer_type": "adam", "learning_rate": 0.01}}, 20),
    "knn_scoring": ({"k": "auto"}, 1),
    "linear_scoring": ({}, 1),
    "dense_network": ({}, 20),
    "matrix_factorization": ({}, 20),
    "gradient_boosting": ({"ranking_loss_type": "bradley_terry"}, 50),
    "dn_embedding": ({"ranking_loss_type": "bradley_terry"}, 20),
    "response_predictive": ({"ranking_loss_type": "bradley_terry"}, 20),
    "transformer_embedding": (
        {
            "ranking_loss_type": "bradley_terry",
            "transformer_model_name": ENCODER,
            "max_length": 128,
            "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.0005},
        },
        3,
    ),
}
#: The same with the number of epochs chosen by cross-validation over the training prompts.
KINDS |= {
    f"{kind}, {CHOSEN}": (KINDS[kind][0] | {"cross_validation": {}}, KINDS[kind][1])
    for kind in ("dense_network", "matrix_factorization", "gradient_boosting", "dn_embedding", "response_predictive")
}
RATINGS = ("bradley_terry_scoring", "elo_scoring", "greedy_ranking", "least_squares_scoring", "mcmf_scoring",
           "simple_scoring")  # fmt: skip
READ_ANSWERS = ("gradient_boosting", "dn_embedding", "response_predictive", "transformer_embedding")


@dataclass(frozen=True)
class Votes:
    """A data set: rows of two LLMs in a layout that ``runner train`` reads, and the prompt of each as a group."""

    rows: list[dict[str, Any]]
    #: A name by row: rows of one name are in one fold.
    groups: list[str]
    answers: bool = True
    #: Folds that are measured, of how many.
    folds: tuple[int, int] = (3, 3)


@dataclass
class Measured:
    """A kind on a data set: whether each decided comparison was ranked right, and how sure it was."""

    #: The numbers of the decided rows, and of each whether it was ranked right, and the log loss.
    rows: list[int] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def sample(_: Path | None) -> Votes:
    from pyarrow import parquet

    import runner.data.comparisons

    path = Path(runner.data.comparisons.__file__).parent / "sample" / "comparisons.parquet"
    # One fold: 156 prompts are enough, and all five would take an hour.
    return conversations(parquet.read_table(path).to_pylist(), (1, 5))


def pandalm(data: Path) -> Votes:
    return conversations(json_lines(data / "pandalm_human_comparisons.jsonl"), (3, 3))


def conversations(rows: list[dict[str, Any]], folds: tuple[int, int]) -> Votes:
    return Votes(rows, [json.dumps(asked(row)) for row in rows], folds=folds)


def mt_bench(data: Path) -> Votes:
    """People's votes. The prompt of a second turn is both turns, and its question's fold is the first turn's."""
    turns = {row["question_id"]: row["turns"] for row in json_lines(data / "router_mtbench_questions.jsonl")}
    rows, groups = [], []
    for row in table(data / "router_mtbench_votes.csv"):
        if row["source"] == "human":
            prompt = "\n\n".join(turns[int(row["question_id"])][: int(row["turn"])])
            rows.append({"prompt": prompt} | {name: row[name] for name in ("model_a", "model_b", "winner")})
            groups.append(row["question_id"])
    return Votes(rows, groups, answers=False)


def llmfao(data: Path) -> Votes:
    """People's votes; an answer that is empty in the source is one."""
    prompts = {row["prompt_id"]: row["text"] for row in json_lines(data / "router_llmfao_prompts.jsonl")}
    said = {
        (row["prompt_id"], row["model"]): row["response"] or ""
        for row in json_lines(data / "router_llmfao_responses.jsonl")
    }
    rows, groups = [], []
    for row in table(data / "router_llmfao_votes.csv"):
        if row["judge"].startswith("crowd"):
            at = int(row["prompt_id"])
            sides = {f"response_{side}": said.get((at, row[f"model_{side}"]), "") for side in "ab"}
            rows.append(
                {"prompt": prompts[at]} | {name: row[name] for name in ("model_a", "model_b", "winner")} | sides
            )
            groups.append(row["prompt_id"])
    return Votes(rows, groups)


SETS: dict[str, Callable[[Any], Votes]] = {
    "sample": sample, "PandaLM": pandalm, "MT-Bench": mt_bench, "LLMFAO": llmfao,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of all files but the packaged one")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--here", action="store_true", help="train in this process")
    parser.add_argument("--keep", type=Path, help="a folder of what was measured: what is in it is not measured again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.sets:
            if name != "sample" and given.data is None:
                print(f"{name} needs --data", file=sys.stderr)
                continue
            votes = SETS[name](given.data)
            measured: dict[str, Measured] = {}
            # The first of them embeds the prompts of every fold, outside of what is timed.
            for kind in ("knn_scoring", *given.kinds) if set(given.kinds) - set(RATINGS) else given.kinds:
                if kind.startswith(READ_ANSWERS) and not votes.answers:
                    continue
                kept = None if given.keep is None else given.keep / f"{name} {kind}.json"
                if kept is None or not kept.exists():
                    measured[kind] = one_kind(kind, votes, Path(folder) / name, given.here)
                    if kept is not None:
                        kept.write_text(json.dumps(vars(measured[kind])), "utf-8")
                else:
                    measured[kind] = Measured(**json.loads(kept.read_text("utf-8")))
                print(f"{name} {kind}: {line(measured[kind], votes)}", file=sys.stderr, flush=True)
            print(markdown(name, votes, {kind: measured[kind] for kind in given.kinds if kind in measured}), flush=True)


def one_kind(kind: str, votes: Votes, home: Path, here: bool) -> Measured:
    """Train and score on every fold that is measured."""
    found = Measured()
    of = fold_of(votes.groups, votes.folds[1])
    for fold in range(votes.folds[0]):
        held = [at for at, number in enumerate(of) if number == fold]
        seen = [votes.rows[at] for at, number in enumerate(of) if number != fold]
        document = spec_of(kind, home / kind / str(fold), seen)
        temperature, scores, seconds = trained_and_asked(document, [votes.rows[at] for at in held], here)
        found.seconds.append(seconds)
        for at in held:
            row = votes.rows[at]
            if row["winner"] in ("model_a", "model_b"):
                a, b = (scores.of(row, row[name]) for name in ("model_a", "model_b"))
                lead = a - b if row["winner"] == "model_a" else b - a
                found.rows.append(at)
                found.right.append(lead > 0)
                found.losses.append(float(np.logaddexp(0.0, -lead / temperature)))
    return found


@dataclass(frozen=True)
class Scores:
    """The stored model's scores, by prompt and LLM."""

    by_prompt: dict[str, dict[str, float]]

    def of(self, row: dict[str, Any], llm: str) -> float:
        """An LLM that no training saw scores 0."""
        return self.by_prompt[name_of(row)].get(llm, 0.0)


def spec_of(kind: str, home: Path, seen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The spec that trains a kind of :data:`KINDS` on rows, which are written beside it."""
    home.mkdir(parents=True, exist_ok=True)
    write(home / "seen.jsonl", seen)
    fields, epochs = KINDS[kind]
    kind = kind.partition(",")[0]
    section = registry.load(kind).Spec
    filters = [name for name in ("min_model_occurrences", *section.row_filters) if name in section.model_fields]
    return {
        "model": {"name": "m", "spec": {"model_type": kind} | dict.fromkeys(filters, 1) | fields},
        "data": {"dataset": str(home / "seen.jsonl"), "validation_split": 0.2, "seed": SEED},
        "epochs": epochs,
        "batch_size": 32,
    }


def trained_and_asked(
    document: dict[str, Any], held: Sequence[dict[str, Any]], here: bool = False
) -> tuple[float, Scores, float]:
    """The model's temperature, its scores of the held-out rows' prompts, and the seconds of its training."""
    home = Path(document["data"]["dataset"]).parent
    metrics, seconds, predictor = (trained_here if here else trained_by_command)(document, home)
    asked_of = {name_of(row): asked(row) for row in held}
    llms = list(predictor.models)
    prompts, histories = [ask[-1] for ask in asked_of.values()], [ask[:-1] for ask in asked_of.values()]
    scores = predictor.score_llms(prompts, llms, histories=histories).T.tolist()
    by_prompt = {name: dict(zip(llms, row, strict=True)) for name, row in zip(asked_of, scores, strict=True)}
    shutil.rmtree(home)
    return float(metrics["temperature"]), Scores(by_prompt), seconds


def trained_by_command(document: dict[str, Any], home: Path) -> tuple[dict[str, Any], float, Any]:
    """The metrics that ``runner train`` prints, its seconds, and the stored model's predictor."""
    (home / "spec.json").write_text(json.dumps(document), "utf-8")
    before = processor()
    trained = json.loads(command(home, "train", "--spec-file", "spec.json", "--executor", "local", "--json"))
    seconds = processor() - before
    workspace = replace(Workspace.current(), runs=home / "runs", store=home / "models")
    predictor = open_model(workspace, f"{document['model']['spec']['model_type']}/m").predictor
    predictor.use_cache(workspace.cache)
    return trained["metrics"], seconds, predictor


def trained_here(document: dict[str, Any], home: Path) -> tuple[dict[str, Any], float, Any]:
    """The same of a training in this process."""

    spec, cache = load_object(document).spec, Workspace.current().cache
    builder = registry.load(spec.model.spec.model_type)
    data = spec.data.load(LoadContext(spec.model.spec, cache, silent))
    context = silent_context(home, data, epochs=spec.epochs, batch_size=spec.batch_size, seed=SEED, cache=cache)
    before = time.process_time()
    metrics = builder.train(spec.model.spec, context).metrics
    seconds = time.process_time() - before
    predictor = registry.load_predictor(builder, context.artifact, "cpu", cache)
    return metrics, seconds, predictor


def command(home: Path, *words: str) -> str:
    """What a command prints on standard output. Ends the benchmark where it fails."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"RUNNER_HOME": str(home), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "runner", *words], cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"runner {' '.join(words)} in {home}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def markdown(name: str, votes: Votes, measured: dict[str, Measured]) -> str:
    """The table of one data set, the most accurate kind first."""
    rows = next(iter(measured.values())).rows
    group = np.unique([votes.groups[at] for at in rows], return_inverse=True)[1]
    order = sorted(measured, key=lambda kind: -sum(measured[kind].right))
    redrawn = resample(np.stack([measured[kind].right for kind in order], axis=1), group, SEED)
    said = f"{len(rows):,} decided comparisons of {len(set(group.tolist()))} prompts, each scored by models that saw "
    out = [
        f"\n{name}: {said}none of its prompt.\n",
        "| model | accuracy | 95 % interval | vs best | log loss | seconds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for at, kind in enumerate(order):
        interval = redrawn.interval(at)
        away = redrawn.difference(at, 0)
        versus = "best" if at == 0 else f"{away.value:.3f}{' ~' if away.holds_zero else ''}"
        loss = statistics.mean(measured[kind].losses)
        seconds = statistics.median(measured[kind].seconds)
        cells = (shown(kind), f"{interval.value:.3f}", f"{interval.low:.3f} to {interval.high:.3f}", versus)
        out.append(f"| {' | '.join(cells)} | {loss:.3f} | {seconds:.1f} |")
    return "\n".join(out)


def shown(kind: str) -> str:
    """A kind's name as code, and what more there is to say of it."""
    name, *more = kind.split(", ")
    return ", ".join([f"`{name}`", *more])


def line(found: Measured, votes: Votes) -> str:
    accuracy = statistics.mean(found.right)
    return f"accuracy {accuracy:.3f} of {len(found.right)} in {votes.folds[0]} folds, {sum(found.seconds):.0f} s"


def fold_of(groups: Sequence[str], folds: int) -> list[int]:
    """The fold of every row: groups in an order of their digests, dealt out in turn."""
    order = sorted(set(groups), key=lambda name: hashlib.sha256(f"{SEED} {name}".encode()).digest())
    place = {name: at % folds for at, name in enumerate(order)}
    return [place[name] for name in groups]


def asked(row: dict[str, Any]) -> list[str]:
    """What a row's two LLMs were asked: the last prompt, after the turns before it."""
    if "prompt" in row:
        return [row["prompt"]]
    turns = [(turn["role"], text_of(turn["content"])) for turn in row["conversation_a"]]
    last = max(at for at, (role, _) in enumerate(turns) if role == "user")
    return [text for _, text in turns[: last + 1]]


def text_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)


def name_of(row: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked(row)).encode()).hexdigest()[:16]


@functools.cache
def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def processor() -> float:
    """Seconds of the processor that finished commands took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
