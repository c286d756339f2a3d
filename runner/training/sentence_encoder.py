"""A sentence encoder through plain transformers: what sentence-transformers computes, without its start-up time."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.embedding_cache import EmbeddingCache, text_key
from runner.errors import RunnerError, Stopped
from runner.store.files import write_atomic
from runner.training.sentence_encoder_settings import STORED, Settings, identity, model_files

#: Batches between two looks at the stop signal, each of which is also a write to the cache.
STRIDE = 8
#: Seconds after which a file that was not touched counts as at rest.
SETTLED = 2.0


class Encoder:
    """A transformer, its tokenizer and its pooling."""

    def __init__(self, directory: Path, settings: Settings, tokenizer: Any, model: Any, device: str) -> None:
        self.directory, self.settings, self.device = directory, settings, device
        self._tokenizer, self._model = tokenizer, model

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Encoder:
        """Read a model's folder (a Hub snapshot, or what :meth:`save` wrote); nothing else is read, no network asked.

        Raises :class:`~runner.errors.DataError` for a folder without safetensors weights, or whose modules this does
        not compute.
        """
        settings = Settings.read(directory)
        model_files(directory)
        import torch
        from transformers import AutoModel, AutoTokenizer

        from runner.training.quiet_libraries import quietly

        # An encoder that was tuned here has no head for pairs of sentences, which transformers would warn of.
        with quietly():
            tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
            model = AutoModel.from_pretrained(
                directory, local_files_only=True, use_safetensors=True, dtype=torch.float32, trust_remote_code=False
            )
        return cls(directory, settings, tokenizer, model.to(device).eval(), device)

    @property
    def width(self) -> int:
        """The length of an embedding."""
        return self.settings.width

    def encode(self, texts: Sequence[str], batch_size: int = 32) -> np.ndarray:
        """Embeddings, float32 ``[len(texts), width]``, in the texts' order. Deterministic on the CPU."""
        vectors = np.zeros((len(texts), self.width), np.float32)
        for rows, values in self._batches(texts, batch_size):
            vectors[rows] = values
        return vectors

    def save(self, directory: Path) -> None:
        """Write what :meth:`load` reads back, alone: :func:`copy` of the folder that this was loaded from."""
        copy(self.directory, directory)

    def _batches(self, texts: Sequence[str], batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Text indices and their embeddings, batch by batch, the longest first: little padding, and the peak first."""
        import torch

        order = np.argsort([-len(text) for text in texts], kind="stable")
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                yield rows, self._forward([texts[row] for row in rows])

    def _forward(self, texts: list[str]) -> np.ndarray:
        import torch

        settings = self.settings
        ready = [settings.prompt + text.encode("utf-8", "replace").decode() for text in texts]
        if settings.lower_case:
            ready = [text.lower() for text in ready]
        inputs = self._tokenizer(
            ready, padding=True, truncation="longest_first", max_length=settings.max_length, return_tensors="pt"
        ).to(self.device)
        tokens = self._model(**inputs).last_hidden_state
        vectors = pool(tokens, inputs["attention_mask"], settings.pooling)
        if settings.normalize:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        return vectors.float().cpu().numpy()


def copy(source: Path, directory: Path) -> None:
    """Copy a model's configuration, tokenizer, weights and pooling, without loading it."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in model_files(source):
        # Snapshots of the Hub's cache are links; what is stored must be the bytes.
        shutil.copyfile(path, directory / path.name)
    Settings.read(source).write(directory / STORED)


def pool(tokens: Any, mask: Any, modes: Sequence[str]) -> Any:
    """One vector a text, the modes' side by side: ``[B, T, d]`` and a mask ``[B, T]`` -> ``[B, d * len(modes)]``."""
    import torch

    rows = torch.arange(len(mask), device=mask.device)
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    vectors = []
    for mode in modes:
        if mode == "cls":
            vectors.append(tokens[rows, mask.int().argmax(dim=1)])
        elif mode == "lasttoken":
            last = mask.shape[1] - 1 - mask.flip(1).int().argmax(dim=1)
            vectors.append(tokens[rows, last])
        elif mode == "max":
            vectors.append(tokens.masked_fill(weights == 0, float("-inf")).max(dim=1).values)
        else:
            count = weights.sum(dim=1).clamp(min=1e-9)
            vectors.append((tokens * weights).sum(dim=1) / (count if mode == "mean" else count.sqrt()))
    return torch.cat(vectors, dim=1)


def remembered_identity(directory: Path, cache: Path) -> str:
    """:func:`identity`, from the folder ``cache`` while no file of the model has changed since it was computed there.

    Hashing the weights is most of what a run does whose texts are all in the cache. A file counts as unchanged by its
    size, its inode, and the times of its contents and of its entry, the last of which nobody sets; what changed a
    moment ago is not remembered, because it could change again within the clock's grain.
    """
    stamps = [(path.name, path.stat()) for path in model_files(directory)]
    seen = [(name, at.st_size, at.st_ino, at.st_dev, at.st_mtime_ns, at.st_ctime_ns) for name, at in stamps]
    place = cache / f"{hashlib.sha256(repr((Settings.read(directory), seen)).encode()).hexdigest()}.identity"
    try:
        known = place.read_text("ascii")
        if re.fullmatch("[0-9a-f]{64}", known):
            return known
    except (OSError, ValueError):
        pass
    found = identity(directory)
    if max(at.st_ctime for _, at in stamps) < time.time() - SETTLED:
        # Without a folder to write into, the next run computes it again.
        with contextlib.suppress(RunnerError):
            write_atomic(place, found.encode())
    return found


def embed(
    texts: Sequence[str],
    directory: Path,
    cache: Path,
    device: str,
    emit: Callable[..., None],
    stop_requested: Callable[[], bool] = lambda: False,
    batch_size: int = 32,
) -> np.ndarray:
    """Embeddings of many texts, float32 ``[len(texts), width]``: distinct ones once, from the cache where it has them.

    When it has all of them no model is loaded. Raises :class:`Stopped` between batches once the run is asked to stop;
    what was computed is in the cache by then.
    """
    settings = Settings.read(directory)
    distinct = list(dict.fromkeys(texts))
    keys = [text_key(text) for text in distinct]
    store = EmbeddingCache(cache / "embeddings", remembered_identity(directory, cache / "embeddings"), emit)
    known, vectors = store.get(keys, settings.width)
    missing = np.flatnonzero(~known)
    if len(missing):
        encoder = Encoder.load(directory, device)
        fresh: list[np.ndarray] = []
        done = 0
        emit("progress", done=0, total=len(missing), unit="texts", metrics={})
        for at, (rows, values) in enumerate(encoder._batches([distinct[row] for row in missing], batch_size), 1):
            vectors[missing[rows]] = values
            fresh.append(missing[rows])
            done += len(rows)
            stop = stop_requested()
            if at % STRIDE == 0 or done == len(missing) or stop:
                new = np.concatenate(fresh)
                store.put([keys[row] for row in new], vectors[new])
                fresh = []
                emit("progress", done=done, total=len(missing), unit="texts", metrics={})
            if stop:
                raise Stopped(f"stopped while embedding: {done} of {len(missing)} texts are in the cache")
    if len(missing):
        # Another run may have been first with some of them: from here on all runs have the same ones.
        stored, agreed = store.get([keys[row] for row in missing], settings.width)
        vectors[missing[stored]] = agreed[stored]
    place = {text: at for at, text in enumerate(distinct)}
    return vectors[[place[text] for text in texts]]
