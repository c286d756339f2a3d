"""Answers into comparisons, and comparisons into the raw layout of lmarena-ai/arena-human-preference-140k."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from .checks import passes, winner
from .prompts import Prompt

# Most pairs of narrow answerers fail together, which teaches little: only this share of such pairs is kept.
BOTH_BAD_SHARE = 0.15
MATHS = {"addition", "multiplication", "story", "sort", "larger", "conversion", "parity", "count"}
KNOWLEDGE = {"capital", "opposite", "animal", "translation"}
INSTRUCTIONS = {"copy", "reverse", "sort", "count"}

_TURNS = pa.list_(
    pa.struct(
        [
            ("role", pa.string()),
            ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))),
        ]
    )
)
_CRITERIA = (
    "complexity",
    "creativity",
    "domain_knowledge",
    "problem_solving",
    "real_world",
    "specificity",
    "technical_accuracy",
)
_TAGS = pa.struct(
    [
        ("creative_writing_v0.1", pa.struct([("creative_writing", pa.bool_()), ("score", pa.string())])),
        ("criteria_v0.1", pa.struct([(name, pa.bool_()) for name in _CRITERIA])),
        ("if_v0.1", pa.struct([("if", pa.bool_()), ("score", pa.int64())])),
        ("math_v0.1", pa.struct([("math", pa.bool_())])),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("model_a", pa.string()),
        ("model_b", pa.string()),
        ("winner", pa.string()),
        ("conversation_a", _TURNS),
        ("conversation_b", _TURNS),
        ("category_tag", _TAGS),
        ("language", pa.string()),
        ("kind", pa.string()),
        ("reference", pa.string()),
    ]
)


def compare(
    questions: Sequence[Prompt], answers: Mapping[str, Sequence[str]], each: int, seed: int
) -> list[dict[str, object]]:
    """`each` comparisons a question (fewer where too few pairs are left), as rows of `SCHEMA`, shuffled."""
    rng = Random(f"{seed}:pairs")
    rows: list[dict[str, object]] = []
    for index, question in enumerate(questions):
        given = {name: answers[name][index] for name in sorted(answers)}
        # A reader of the layout skips an empty response, so an answerer that stays silent is not compared.
        right = {name: passes(question.kind, text, question.reference) for name, text in given.items() if text}
        pairs = list(combinations(right, 2))
        rng.shuffle(pairs)
        kept = [p for p in pairs if right[p[0]] or right[p[1]] or rng.random() < BOTH_BAD_SHARE][:each]
        for pair in kept:
            a, b = rng.sample(pair, 2)
            rows.append(_row(question, a, b, given[a], given[b], winner(right[a], right[b])))
    rng.shuffle(rows)
    return rows


def _row(question: Prompt, a: str, b: str, answer_a: str, answer_b: str, won: str) -> dict[str, object]:
    return {
        "id": hashlib.sha256("\0".join((question.text, a, b)).encode()).hexdigest()[:32],
        "model_a": a,
        "model_b": b,
        "winner": won,
        "conversation_a": _conversation(question.text, answer_a),
        "conversation_b": _conversation(question.text, answer_b),
        "category_tag": _tags(question.kind),
        "language": "en",
        "kind": question.kind,
        "reference": question.reference,
    }


def _conversation(prompt: str, answer: str) -> list[dict[str, object]]:
    return [
        {"role": role, "content": [{"type": "text", "text": text}]}
        for role, text in (("user", prompt), ("assistant", answer))
    ]


def _tags(kind: str) -> dict[str, dict[str, object]]:
    """The tags follow from the kind alone: nobody judged single prompts."""
    told = kind in INSTRUCTIONS
    criteria = dict.fromkeys(_CRITERIA, False) | {
        "domain_knowledge": kind in KNOWLEDGE,
        "problem_solving": kind in MATHS,
        "real_world": kind in {"story", "conversion", "weekday"},
        "specificity": True,
    }
    return {
        "creative_writing_v0.1": {"creative_writing": False, "score": "no"},
        "criteria_v0.1": criteria,
        "if_v0.1": {"if": told, "score": 3 if told else 1},
        "math_v0.1": {"math": kind in MATHS},
    }


def write(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """The rows as one zstd Parquet file."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), path, compression="zstd", compression_level=19)
