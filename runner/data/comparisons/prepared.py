"""From a data section to two splits: read, check, downsample, split by prompt, drop rare LLMs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.data.category_tags import TAGS
from runner.data.comparisons import catalog, graph, outcome_source, prompt_split, rare_llms, sources
from runner.data.comparisons.comparison_arrays import Comparisons
from runner.data.comparisons.llm_names import odd_names
from runner.data.comparisons.lost_rows import reasons, refuse
from runner.data.comparisons.raw_layouts import Rows
from runner.data.comparisons.winner_words import WINNERS
from runner.data.outcomes import OutcomeMatrix
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.comparisons.section import ComparisonsData


def prepare(section: ComparisonsData, context: LoadContext) -> LoadedData:
    """:meth:`ComparisonsData.load`, step by step."""
    context.report.layout = section.layout
    rows, matrix, told = _read(section, context)
    record: dict[str, Any] = {
        "dataset": section.dataset,
        "rows_read": rows.read,
        "rows_valid": len(rows),
        "skipped": dict(rows.skipped.most_common()),
        "skipped_first_row": dict(rows.first),
    } | told
    if rows.lacks:
        record["lacks"] = sorted(rows.lacks)
    _tell(rows, context)
    digests, keys = row_digests(rows), row_keys(rows)
    chosen, spare = np.arange(len(rows)), rows.empty()
    # Of a matrix, prompts were sampled.
    if section.max_samples is not None and matrix is None:
        chosen = prompt_split.sample(digests, section.max_samples, section.seed, spare)
        left = np.setdiff1d(np.arange(len(rows)), chosen)
        context.report.drop("not among max_samples", [rows.numbers[at] for at in left])
    kept = _drop_rare(section, rows, chosen, context, record)
    data = build(rows, kept)
    if matrix is None:
        context.report.drop("an LLM that is rare", [rows.numbers[at] for at in np.setdiff1d(chosen, kept)])
        context.report.rows_kept = len(kept)
    held = _held_out(section, [keys[at] for at in chosen], np.isin(chosen, kept), spare[chosen], context)
    train, validation = (_with_outcomes(data.take(side), matrix) for side in (~held, held))
    oddities = graph.oddities(train.model_a, train.model_b, train.winner, data.models)
    for sentence in (*odd_names(data.models), *oddities):
        context.emit("warning", message=sentence, pointer="/data/dataset")
    names = {code: name for name, code in reversed(WINNERS.items())}
    record |= {
        "duplicates": len(kept) - len({digests[at] for at in kept}),
        "models": len(data.models),
        "prompts": len(data.prompts),
        "winners": {names[code]: int((data.winner == code).sum()) for code in sorted(names)},
        "train": len(train),
        "validation": len(validation),
        "train_prompts": len(np.unique(train.prompt)),
        "validation_prompts": len(np.unique(validation.prompt)),
    }
    read = [digests[at] for at in kept] + ([] if matrix is None else [matrix.digest()])
    return LoadedData(train, validation, fingerprint(read), record, context.report)


def _read(section: ComparisonsData, context: LoadContext) -> tuple[Rows, OutcomeMatrix | None, dict[str, Any]]:
    """The rows, the matrix that they were drawn from, if it is one, and what the record says of it."""
    spec = context.spec
    source = outcome_source.found(section)
    if source is not None:
        return outcome_source.read(section, source, spec, context.report, context.emit)
    rows = sources.read(
        section.dataset,
        section.columns,
        section.winner_values,
        spec.reads,
        spec.model_type,
        empty=spec.takes_empty_responses(),
        encoding=section.encoding,
        delimiter=section.delimiter,
    )
    _fill(context.report, rows)
    where = section.dataset if catalog.is_path(section.dataset) else "/data/dataset"
    refuse(rows, section.max_rows_lost, where, winners=spec.reads_winners)
    return rows, None, {}


def _with_outcomes(part: Comparisons, matrix: OutcomeMatrix | None) -> Comparisons:
    """One side of the split, with the part of the matrix that has its prompts."""
    if matrix is None:
        return part
    keys = {(part.keys[at], part.histories[at]) for at in np.unique(part.prompt).tolist()}
    return replace(part, outcomes=outcome_source.of_side(matrix, keys, part.models))


def _fill(report: DataReport, rows: Rows) -> None:
    report.rows_read, report.rows_kept = rows.read, len(rows)
    report.rows_dropped = dict(rows.skipped.most_common())
    report.named = {reason: list(numbers) for reason, numbers in rows.named.items()}


def _tell(rows: Rows, context: LoadContext) -> None:
    if rows.skipped:
        message = f"skipped {rows.read - len(rows)} of {rows.read} rows: {reasons(rows)}"
        context.emit("warning", message=message, pointer="/data/dataset")
    if "prompts" in rows.lacks and rows.keys is None:
        message = "the data has no prompts, so that the split is by row: rows of one prompt may be on both sides"
        context.emit("warning", message=message, pointer="/data/dataset")


def _drop_rare(
    section: ComparisonsData, rows: Rows, chosen: np.ndarray, context: LoadContext, record: dict[str, Any]
) -> np.ndarray:
    """The indices of the rows whose LLMs are frequent enough among the chosen; fills in the record."""
    limits = context.spec.filters()
    field = max(limits, key=lambda name: limits[name], default="")
    least = limits.get(field, 0)
    everyone, index = np.unique(
        np.array([*(rows.model_a[at] for at in chosen), *(rows.model_b[at] for at in chosen)], dtype=object),
        return_inverse=True,
    )
    a, b = index[: len(chosen)], index[len(chosen) :]
    steps = list(rare_llms.passes(a, b, len(everyone), least))
    kept = steps[-1]
    if not kept.any():
        largest = rare_llms.largest_threshold(a, b, len(everyone))
        left = int(rare_llms.frequent(a, b, len(everyone), largest).sum())
        sampled = "null" if section.max_samples is None else str(section.max_samples)
        raise DataError(
            f"no comparison is left: /data/max_samples {sampled} gives {len(chosen)} rows of {len(everyone)} LLMs, "
            f"and /model/spec/{field} {least} drops every one of them",
            where=f"/model/spec/{field}",
            hint=f"{field} of at most {largest} keeps something ({largest} keeps {left} rows)"
            + ("" if section.max_samples is None else f"; or raise max_samples (there are {len(rows)} rows)"),
        )
    dropped = sorted(set(everyone) - set(everyone[np.concatenate([a[kept], b[kept]])]))
    record |= {
        "rows_sampled": len(chosen),
        "rows_dropped_by_filter": int((~kept).sum()),
        "models_dropped_by_filter": dropped,
        "min_model_rows": least,
    }
    by_pass = [
        (len(np.union1d(a[before], b[before])) - len(np.union1d(a[after], b[after])), int(before.sum() - after.sum()))
        for before, after in pairwise(steps)
    ]
    if len(by_pass) > 1:
        record["dropped_by_pass"] = [{"models": models, "rows": count} for models, count in by_pass]
    if dropped:
        context.emit(
            "warning",
            message=f"{field} {least} drops {len(dropped)} of {len(everyone)} LLMs and {int((~kept).sum())} of "
            f"{len(chosen)} rows: {', '.join(dropped[:12])}{' ...' if len(dropped) > 12 else ''}{_by_pass(by_pass)}",
            pointer=f"/model/spec/{field}",
        )
    return chosen[kept]


def _by_pass(dropped: Sequence[tuple[int, int]]) -> str:
    """How many LLMs and rows each pass of the filter dropped, where one pass was not enough."""
    if len(dropped) < 2:
        return ""
    counts = ", then ".join(f"{models} with {rows} rows" for models, rows in dropped)
    return f"; LLMs are counted again once rows are gone, here in {len(dropped)} passes: {counts}"


def _held_out(
    section: ComparisonsData, prompts: Sequence[str], kept: np.ndarray, spare: np.ndarray, context: LoadContext
) -> np.ndarray:
    """Which of the kept rows are held out: bool ``[kept.sum()]``.

    ``prompts`` are those of the sampled rows, and ``kept`` (bool) the ones that the filter on rare LLMs leaves. The
    split is drawn before that filter, so that it is the same for models that filter differently: what one of them is
    measured on, no other has trained on. For the same reason ``spare`` (bool) rows, which some models do not see, have
    no say in it.
    """
    key_of = {prompt: prompt_split.split_key(prompt) for prompt in set(prompts)}
    keys = [key_of[prompt] for prompt in prompts]
    own = [key for key, keep in zip(keys, kept, strict=True) if keep]
    if section.validation_split and len(set(own)) < 2:
        raise DataError(
            f"all {len(own)} rows have one prompt, and a prompt is never on both sides of the split",
            where="/data/validation_split",
            hint="set validation_split to 0, or use data with more prompts",
        )
    held = prompt_split.split(keys, section.validation_split, section.seed, spare)[kept]
    if section.validation_split and held.all() == held.any():
        # All that the filter left lies on one side of the common split.
        held = prompt_split.split(own, section.validation_split, section.seed)
        context.emit(
            "warning",
            message="the filter on rare LLMs leaves one side of the split empty, so the rows that are left were split "
            "anew: a model with another filter is measured on other prompts",
            pointer="/data/validation_split",
        )
    share = held.mean()
    if abs(share - section.validation_split) > 0.05:
        context.emit(
            "warning",
            message=f"the validation split is {share:.2f} of the rows, not {section.validation_split:g}: "
            f"it is made of whole prompts, and there are {len(set(own))}",
            pointer="/data/validation_split",
        )
    return held


def build(rows: Rows, kept: Sequence[int] | np.ndarray) -> Comparisons:
    """Some rows, by index, as :class:`Comparisons`."""
    models = tuple(sorted({rows.model_a[at] for at in kept} | {rows.model_b[at] for at in kept}))
    number = {name: at for at, name in enumerate(models)}
    prompts: dict[tuple[str, tuple[str, ...]], int] = {}
    keys = row_keys(rows)
    groups: list[str] = []
    prompt = np.empty(len(kept), np.int32)
    for row, at in enumerate(kept):
        key = (keys[at], rows.histories[at])
        if key not in prompts:
            prompts[key] = len(prompts)
            groups.append(rows.groups[at])
        prompt[row] = prompts[key]
    table = np.concatenate(rows.tags)[np.asarray(kept, np.int64)]
    return Comparisons(
        models=models,
        prompts=("",) * len(prompts) if "prompts" in rows.lacks else tuple(text for text, _ in prompts),
        histories=tuple(history for _, history in prompts),
        prompt=prompt,
        model_a=np.array([number[rows.model_a[at]] for at in kept], np.int32),
        model_b=np.array([number[rows.model_b[at]] for at in kept], np.int32),
        winner=np.array([rows.winner[at] for at in kept], np.int8),
        responses_a=tuple(rows.responses_a[at] for at in kept),
        responses_b=tuple(rows.responses_b[at] for at in kept),
        tags={} if np.isnan(table).all() else {name: table[:, at].copy() for at, name in enumerate(TAGS)},
        groups=tuple(groups),
        lacks=rows.lacks,
        row_keys=tuple(text for text, _ in prompts) if "prompts" in rows.lacks else (),
    )


def row_keys(rows: Rows) -> list[str]:
    """What each row's prompt is known by: its text, or where the data has none a name, or the row's own number."""
    if rows.keys is not None:
        return rows.keys
    return [f"row {at}" for at in range(1, len(rows) + 1)] if "prompts" in rows.lacks else rows.prompts


def row_digests(rows: Rows) -> list[bytes]:
    """The SHA-256 of each row's content, whatever file it came in."""
    tags = np.concatenate(rows.tags).astype("<f4") if len(rows) else np.zeros((0, len(TAGS)), "<f4")
    # One bit pattern for "unknown", so that the digest does not depend on which NaN a library made.
    tags[np.isnan(tags)] = np.nan
    digests, keys = [], row_keys(rows)
    for at in range(len(rows)):
        texts = (
            rows.model_a[at], rows.model_b[at], keys[at], rows.responses_a[at], rows.responses_b[at],
            *rows.histories[at],
        )  # fmt: skip
        encoded = [text.encode() for text in texts]
        head = f"{rows.winner[at]} {' '.join(str(len(text)) for text in encoded)} ".encode()
        digests.append(hashlib.sha256(b"".join([head, tags[at].tobytes(), *encoded])).digest())
    return digests


def fingerprint(digests: Sequence[bytes]) -> str:
    """The SHA-256 (hex) of a data set: of its rows' digests, in order."""
    return hashlib.sha256(b"".join(digests)).hexdigest()
