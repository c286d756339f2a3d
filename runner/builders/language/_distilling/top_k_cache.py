"""The likeliest tokens of a teacher in each place, with their odds: computed once, kept in a file, read by any student.

The file has for every row a digest of its tokens and of which of them are learned, and for every such token the ``k``
likeliest tokens and the logarithms of their probabilities, over the whole vocabulary and at a temperature of 1. Tokens
beyond those are taken to have none: the odds of the ``k`` are brought to a sum of 1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.chunked_log_probs import MOST
from runner.builders.language._learning.frozen_models import Frozen, Read
from runner.builders.language._learning.likelihood_loss import MEASURED, by_tokens
from runner.builders.language._rows.token_rows import TokenRows
from runner.errors import DataError, IntegrityError
from runner.store.tensors import read_tensors, write_tensors

FORMAT = 1
NAMES = ("rows", "ends", "tokens", "log_probs", "facts")


@dataclass(frozen=True)
class KeptOdds:
    """Odds of ``n`` rows, one behind the other: those of row ``i`` are ``ends[i] ... ends[i + 1]``."""

    #: uint8 ``[n, 16]``: what tells a row.
    rows: np.ndarray
    #: int64 ``[n + 1]``.
    ends: np.ndarray
    #: int32 and float32 ``[all places, k]``.
    tokens: np.ndarray
    log_probs: np.ndarray
    #: What the vocabulary is known by, how many tokens the teacher gives odds of, and its name.
    facts: dict[str, Any]

    def write(self, path: Path) -> None:
        told = np.frombuffer(json.dumps(self.facts, sort_keys=True).encode(), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, dict(zip(NAMES, (self.rows, self.ends, self.tokens, self.log_probs, told), strict=True)))

    @classmethod
    def read(cls, path: Path, where: str) -> KeptOdds:
        """Raises :class:`DataError` for a file that holds no odds."""
        try:
            found = read_tensors(path)
            rows, ends, tokens, log_probs, told = (np.asarray(found[name]) for name in NAMES)
            facts = json.loads(told.tobytes())
            if facts["format"] != FORMAT or tokens.shape != log_probs.shape or len(ends) != len(rows) + 1:
                raise ValueError("of another format")
        except (OSError, ValueError, KeyError, TypeError, IntegrityError) as error:
            raise DataError(f"no odds that a teacher gave: {error}", where=f"{where}: {path}") from None
        return cls(rows, ends, tokens, log_probs, facts)

    def check(self, tokenizer: Any, where: str) -> None:
        """Raise :class:`DataError` for a student whose tokens mean others."""
        if self.facts["vocabulary"] != vocabulary(tokenizer):
            raise DataError(
                f"the odds are those of {self.facts['teacher']}, which has another vocabulary than the student",
                where=where,
                hint="take a student of the teacher's family, or have the teacher answer in text",
            )

    def of(self, rows: TokenRows) -> tuple[KeptOdds, np.ndarray]:
        """The odds of some rows, and the numbers of those that there are any of, int64, rising."""
        known = {digest.tobytes(): number for number, digest in enumerate(self.rows)}
        places = [known.get(digest) for digest in _digests(rows)]
        kept = np.array([number for number, place in enumerate(places) if place is not None], np.int64)
        own = np.array([place for place in places if place is not None], np.int64)
        spans = [np.arange(self.ends[place], self.ends[place + 1]) for place in own]
        every = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        ends = np.cumsum([0, *map(len, spans)])
        return KeptOdds(self.rows[own], ends, self.tokens[every], self.log_probs[every], self.facts), kept

    def lines(self, numbers: np.ndarray, device: str) -> torch.Tensor:
        """What :meth:`read_places` reads of some rows, in their order: float32 ``[N, 2 k]``."""
        spans = [np.arange(self.ends[number], self.ends[number + 1]) for number in numbers]
        every = np.concatenate(spans)
        # A token's number is one of float32's as it is, for all vocabularies that there are.
        both = np.concatenate([self.tokens[every].astype(np.float32), self.log_probs[every]], axis=1)
        return torch.from_numpy(both).to(device)


class Given:
    """Odds in the place of a model that gives them."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary

    def read(self, lines: torch.Tensor) -> Read:
        return Read(self, lines)

    def __call__(self, lines: torch.Tensor) -> torch.Tensor:
        """Logits ``[N, V]``: none for a token that is not among the likeliest."""
        tokens, log_probs = lines.chunk(2, dim=1)
        found = torch.full((len(lines), self._vocabulary), -torch.inf, device=lines.device)
        return found.scatter_(1, tokens.long(), log_probs)


def computed(
    model: Any,
    rows: TokenRows,
    taught: TokenRows | None,
    padding: int,
    device: str,
    top_k: int,
    facts: dict[str, Any],
    stop_requested: Callable[[], bool],
) -> KeptOdds | None:
    """The odds that a teacher gives in the places of ``rows``, reading ``taught`` where it reads others. None where it
    was asked to stop."""
    read = rows if taught is None else taught
    frozen = Frozen(model)
    every: list[tuple[np.ndarray, np.ndarray]] = [(np.zeros(0), np.zeros(0))] * len(rows)
    for some in by_tokens(read.lengths, MEASURED):
        if stop_requested():
            return None
        batch = read.batch(some, padding, device)
        ids, logs = _likeliest(frozen.read(batch), top_k)
        stops = np.cumsum(read.trained[some])
        for number, start, stop in zip(some, [0, *stops[:-1]], stops, strict=True):
            every[number] = ids[start:stop], logs[start:stop]
    ends = np.cumsum([0, *(len(ids) for ids, _ in every)])
    digests = np.stack([np.frombuffer(digest, np.uint8) for digest in _digests(rows)])
    ids, logs = (np.concatenate(parts) for parts in zip(*every, strict=True))
    return KeptOdds(digests, ends, ids.astype(np.int32), logs.astype(np.float32), facts | {"format": FORMAT})


def _likeliest(read: Read, top_k: int) -> tuple[np.ndarray, np.ndarray]:
    ids, logs = [], []
    width = int(read.hidden.shape[1]) if read.head is None else int(read.head.weight.shape[0])
    size = max(1, MOST // (4 * width))
    for at in range(0, len(read.hidden), size):
        found = torch.log_softmax(read.logits(read.hidden[at : at + size]), dim=-1).topk(min(top_k, width), dim=-1)
        ids.append(found.indices.cpu().numpy())
        logs.append(found.values.cpu().numpy())
    return np.concatenate(ids), np.concatenate(logs)


def vocabulary(tokenizer: Any) -> str:
    """What a vocabulary is known by: its tokens and their numbers."""
    return hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()


def digest_of(ids: list[int], weights: list[float]) -> bytes:
    """What tells a row from others: its tokens, and which of them are learned."""
    learned = [weight > 0 for weight in weights]
    return hashlib.blake2b(json.dumps([ids, learned]).encode(), digest_size=16).digest()


def _digests(rows: TokenRows) -> list[bytes]:
    return [digest_of(*rows.row(number)) for number in range(len(rows))]
