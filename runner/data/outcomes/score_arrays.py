"""RouterEval's arrays: an ``.npz`` file of scores ``[prompts, LLMs]``, with or without the prompts' texts.

Its embeddings are not read: each kind here embeds the prompts itself, as it embeds those that it is asked about.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from runner.data.outcomes.gathered import NO_PROMPT, Gathered
from runner.errors import DataError, NotFoundError

#: The parts that such a file may be in, in their order; a file with one part has the plain names.
PARTS = ("train_", "val_", "test_", "")
SCORES, PROMPTS, MODELS = ("score", "scores"), ("prompt", "prompts"), ("model", "models", "model_names")
HINT = 'numpy.savez("x.npz", score=SCORES, prompt=PROMPTS, model=NAMES) writes one that is read'


def add(gathered: Gathered, path: Path) -> None:
    """Take in every part. Raises :class:`DataError` for what is no such file; nothing in it is unpickled."""
    arrays = _arrays(path)
    parts = [part for part in PARTS if _one(arrays, part, SCORES) is not None]
    if not parts:
        raise DataError(f"there is no array of scores: {', '.join(arrays) or 'nothing'}", where=str(path), hint=HINT)
    prompts = {part: _one(arrays, part, PROMPTS) for part in parts}
    gathered.textless = all(texts is None for texts in prompts.values())
    models = next((arrays[name] for name in MODELS if name in arrays), None)
    for part in parts:
        scores = _one(arrays, part, SCORES)
        names = _names(models, scores, part, path)
        texts = prompts[part]
        if not gathered.textless and (texts is None or len(texts) != len(scores)):
            raise DataError(f"{part}prompt has not as many prompts as {part}score has rows", where=str(path), hint=HINT)
        for row, line in enumerate(scores.tolist()):
            gathered.read += 1
            number = gathered.read
            text = f"prompt {number}" if texts is None else str(texts[row])
            if not text.strip():
                gathered.drop(NO_PROMPT, number)
                continue
            place = gathered.prompt(text, (), part.rstrip("_"), number)
            used = [
                gathered.outcome(place, name, {"score": cell}, number) for name, cell in zip(names, line, strict=True)
            ]
            gathered.lost += not any(used)


def _one(arrays: dict[str, Any], part: str, names: tuple[str, ...]) -> Any:
    return next((arrays[part + name] for name in names if part + name in arrays), None)


def _names(models: Any, scores: Any, part: str, path: Path) -> list[str]:
    """The LLMs' names: as the file has them, else by their number."""
    if scores.ndim != 2 or scores.dtype.kind not in "fiub":
        raise DataError(
            f"{part}score is {scores.dtype} {list(scores.shape)}, and scores are numbers [prompts, LLMs]",
            where=str(path),
            hint=HINT,
        )
    if models is None:
        return [f"model_{at}" for at in range(scores.shape[1])]
    names = [str(name) for name in models.tolist()]
    if len(names) != scores.shape[1] or len(set(names)) != len(names):
        raise DataError(
            f"there are {len(set(names))} names for {scores.shape[1]} columns of scores", where=str(path), hint=HINT
        )
    return names


def _arrays(path: Path) -> dict[str, Any]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if not name.endswith(("embed", "embedding", "embeddings"))}
    except FileNotFoundError:
        raise NotFoundError("there is no such data file", where=str(path)) from None
    except ValueError as error:
        pickled = "pickle" in str(error)
        raise DataError(
            "holds Python objects, which run code when they are read" if pickled else f"no arrays: {error}",
            where=str(path),
            hint="write texts as arrays of strings: numpy.array(PROMPTS, dtype=str)" if pickled else HINT,
        ) from None
    except (OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(f"not a whole .npz file: {error}", where=str(path), hint=HINT) from None
