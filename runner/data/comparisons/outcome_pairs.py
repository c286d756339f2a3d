"""Comparisons drawn from an outcome matrix: on each prompt some pairs of LLMs, the better score winning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.data.category_tags import TAGS
from runner.data.comparisons.comparison_arrays import BOTH_BAD, TIE, A, B
from runner.data.comparisons.raw_layouts import Rows
from runner.data.holdout import mixed, text_key
from runner.data.outcomes import OutcomeMatrix, Outcomes

#: Beside the seed: which pairs, and which LLM of a pair stands first.
WHICH, SIDE = 0x6F, 0x70


@dataclass(frozen=True)
class Pairs:
    """Drawn comparisons, each array ``[n]``."""

    prompt: np.ndarray  # int64, a row of the matrix
    model_a: np.ndarray  # int64, a column of it
    model_b: np.ndarray
    winner: np.ndarray  # int8, as in Comparisons


def draw(matrix: OutcomeMatrix, options: Outcomes, seed: int) -> Pairs:
    """At most ``pairs_per_prompt`` pairs of each prompt, among the LLMs that have a score for it.

    The choice, and which of the two comes first, hang on the prompt, on the two names and on the seed alone, so that
    neither the order of the rows nor other prompts change it. Where the matrix has responses, only answers with one
    are compared.
    """
    usable = matrix.filled
    if matrix.responses is not None:
        usable &= np.array([[response is not None for response in row] for row in matrix.responses], bool)
    names = np.array([text_key(name) for name in matrix.models], np.uint64)
    keys = np.array(
        [text_key("\x00".join([*history, key])) for history, key in zip(matrix.histories, matrix.keys, strict=True)],
        np.uint64,
    )
    most = None if options.pairs_per_prompt == "all" else options.pairs_per_prompt
    prompts, lefts, rights = [], [], []
    for row, key in enumerate(keys):
        columns = np.flatnonzero(usable[row])
        first, second = (columns[at] for at in np.triu_indices(len(columns), 1))
        with np.errstate(over="ignore"):
            # An LLM's place among the names decides which is first here: names are sorted.
            pair = mixed(names[first] + np.uint64(3) * mixed(names[second]) + key)
        ranks = mixed(pair, seed + WHICH)
        if most is not None and len(first) > most:
            chosen = np.argpartition(ranks, most - 1)[:most]
            first, second, pair, ranks = first[chosen], second[chosen], pair[chosen], ranks[chosen]
        order = np.argsort(ranks, kind="stable")
        swapped = (mixed(pair, seed + SIDE) >> np.uint64(63)).astype(bool)
        lefts.append(np.where(swapped, second, first)[order])
        rights.append(np.where(swapped, first, second)[order])
        prompts.append(np.full(len(first), row, np.int64))
    prompt, a, b = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (prompts, lefts, rights))
    return Pairs(prompt, a, b, winners(matrix.scores[prompt, a], matrix.scores[prompt, b], options))


def winners(score_a: np.ndarray, score_b: np.ndarray, options: Outcomes) -> np.ndarray:
    """Who won by two scores, float64 ``[n]`` each: int8 ``[n]``, A, B, TIE or BOTH_BAD."""
    difference = score_a - score_b
    tied = (np.abs(difference) < options.min_difference) | (difference == 0)
    bad = np.zeros(len(tied), bool)
    if options.bad_score is not None:
        bad = np.maximum(score_a, score_b) <= options.bad_score
    return np.where(tied, np.where(bad, BOTH_BAD, TIE), np.where(difference > 0, A, B)).astype(np.int8)


def as_rows(matrix: OutcomeMatrix, pairs: Pairs) -> Rows:
    """The pairs as checked comparisons, as if a file had held them."""
    prompt, a, b = pairs.prompt.tolist(), pairs.model_a.tolist(), pairs.model_b.tolist()

    def responses(side: list[int]) -> list[str]:
        if matrix.responses is None:
            return [""] * len(side)
        return [matrix.responses[row][column] or "" for row, column in zip(prompt, side, strict=True)]

    return Rows(
        model_a=[matrix.models[at] for at in a],
        model_b=[matrix.models[at] for at in b],
        winner=pairs.winner.tolist(),
        prompts=[matrix.prompts[at] for at in prompt],
        histories=[matrix.histories[at] for at in prompt],
        responses_a=responses(a),
        responses_b=responses(b),
        groups=[matrix.groups[at] for at in prompt],
        tags=[np.full((len(prompt), len(TAGS)), np.nan, np.float32)],
        numbers=[matrix.numbers[at] for at in prompt],
        lacks=matrix.lacks,
        keys=[matrix.keys[at] for at in prompt] if "prompts" in matrix.lacks else None,
        read=len(prompt),
    )
