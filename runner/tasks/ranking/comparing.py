"""The measure of routers side by side: accuracy, log loss, calibration, and the paired difference to the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runner.contract import LoadedData
from runner.data.comparisons import A, Comparisons
from runner.statistics.paired_bootstrap import resample
from runner.tasks.compared import Compared
from runner.tasks.ranking import groups, outcome_bench
from runner.tasks.ranking.asking import Asked, ask, ask_all, common, correct
from runner.tasks.ranking.calibration import calibrate, fit_temperature, winner_margins
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.measuring import evaluate
from runner.tasks.ranking.ranks import side_by_side
from runner.tasks.ranking.recorded_baselines import recorded_baselines


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Routers on the held-out comparisons whose two LLMs all of them know. See :mod:`runner.tasks.compared`."""

    def calibrated(entry: Compared, answer: Asked, predictor: LlmPredictor) -> float:
        return temperature(entry, answer, predictor, data.train)

    able, answers, temperatures, rows, facts = ask_all(models, data.validation, "ranking", say, calibrated)
    document: dict[str, Any] = {"held_out": facts, "table": []}
    if not able:
        return document
    llms = facts["models"]
    table = measure(able, answers, temperatures, rows, seed)
    labels = [entry.label for entry in able]
    place = {row["label"]: at for at, row in enumerate(table)}
    boards = {row["label"]: row["leaderboard"] for row in table}
    grouped = None
    if rows.decided.any():
        grouped = groups.by_group(labels, answers, [place[label] for label in labels], rows, seed)
    trained = {entry.label: {"metrics": entry.metrics, "tables": entry.tables} for entry in able}
    if beside := recorded_baselines(trained, len(rows)):
        document["baselines"] = beside
    if found := outcome_bench.outcomes(able, answers, rows, seed):
        document["outcomes"] = found
    return document | {
        "table": [{name: value for name, value in row.items() if name != "leaderboard"} for row in table],
        "leaderboards": side_by_side(boards, llms),
        "groups": grouped,
        "win_rates": groups.win_rates(_both(data), llms),
    }


def measure(
    entries: Sequence[Compared], asked: Sequence[Asked], temperatures: Sequence[float], rows: Comparisons, seed: int
) -> list[dict[str, Any]]:
    """One row a model, the most accurate first: its metrics with intervals, its calibration, how it was asked.

    ``rows`` are the held-out comparisons that all are measured on; with none decided, nothing is known but the ties.
    ``versus_best`` is the paired difference of accuracies to the first row, over bootstrap samples of the prompts;
    ``tied_with_best`` says that its interval holds 0.
    """
    table, used = [], []
    for entry, answer, temperature in zip(entries, asked, temperatures, strict=True):
        score_a, score_b = answer.of(rows, rows.model_a), answer.of(rows, rows.model_b)
        # As in training: half of the prompts are measured with the temperature of the other half.
        each, _ = calibrate(score_a, score_b, rows, temperature)
        used.append(each[rows.decided])
        metrics, calibration = evaluate(score_a, score_b, rows, each, seed)
        table.append(
            entry.as_dict()
            | metrics
            | {
                "temperature": temperature,
                "reads_prompts": answer.reads_prompts,
                "inference_seconds": answer.seconds,
                "inference_ms_per_1000_pairs": answer.per_thousand,
                "calibration": calibration,
                "leaderboard": entry.tables.get("leaderboard") or [],
            }
        )
    decided = rows.take(rows.decided)
    if not len(decided):
        return table
    right = correct(asked, decided)
    losses = np.stack(
        [_losses(answer, decided, temperature) for answer, temperature in zip(asked, used, strict=True)], axis=1
    )
    rights, lost = resample(right, decided.prompt, seed), resample(losses, decided.prompt, seed)
    # Equally accurate models are in the order of their log losses.
    best = min(range(len(table)), key=lambda at: (-rights.mean[at], lost.mean[at]))
    for at, row in enumerate(table):
        loss, gap = lost.interval(at), rights.difference(at, best)
        row |= loss.ends("log_loss")
        row |= {"best": at == best, "versus_best": gap.as_dict(), "tied_with_best": gap.holds_zero}
    return sorted(table, key=lambda row: (-row["accuracy"], row["log_loss"]))


def temperature(entry: Compared, answer: Asked, predictor: LlmPredictor, train: Comparisons) -> float:
    """The stored model's own temperature; of a kind that stores none, one fitted on the training part."""
    stored = entry.parameter("temperature")
    if stored is not None and stored > 0:
        return stored
    rows, known = common(train, [answer.models])
    said = ask(predictor, rows, known)
    return fit_temperature(winner_margins(said.of(rows, rows.model_a), said.of(rows, rows.model_b), rows))


def _losses(answer: Asked, decided: Comparisons, temperature: np.ndarray) -> np.ndarray:
    margin = (answer.of(decided, decided.model_a) - answer.of(decided, decided.model_b)) / temperature
    return np.logaddexp(0.0, np.where(decided.winner == A, -margin, margin))


def _both(data: LoadedData) -> Comparisons:
    """Training and held-out comparisons together, as far as pairs of LLMs and their outcomes go."""
    from dataclasses import replace

    train, held = data.train, data.validation
    columns = {
        name: np.concatenate([getattr(train, name), getattr(held, name)])
        for name in ("prompt", "model_a", "model_b", "winner")
    }
    texts = {name: getattr(train, name) + getattr(held, name) for name in ("responses_a", "responses_b")}
    return replace(train, **columns, **texts, tags={})
