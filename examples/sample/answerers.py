"""Every answerer's answers to every prompt, and a cache of them so that an interrupted run goes on."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from .prompts import Prompt
from .rules import rule_answerers

LANGUAGE_MODELS = (
    "smollm2-135m",
    "smollm2-135m-sampled",
    "smollm2-135m-29-layers",
    "smollm2-135m-with-examples",
)
NEIGHBOUR = "minilm-neighbour"


def answer_all(
    questions: Sequence[Prompt],
    bank: Sequence[Prompt],
    seed: int,
    language_models: bool = True,
    cache: Path | None = None,
) -> dict[str, list[str]]:
    """Answerer -> its answers in the questions' order. Without `language_models` it takes seconds."""
    texts = [question.text for question in questions]
    answers = {name: [rule(text) for text in texts] for name, rule in rule_answerers(seed).items()}

    # The models are heavy to import and to load: only those that are not answered from the cache are.
    from . import neighbour

    solved = neighbour.nearest(texts, bank, count=3)
    answers[NEIGHBOUR] = [neighbour.first_alternative(found[0]) for found in solved]
    if not language_models:
        return answers

    model = None

    def loaded():
        nonlocal model
        if model is None:
            from .language_model import SmolLM2

            model = SmolLM2(seed)
        return model

    asked: tuple[Callable[[], list[str]], ...] = (
        lambda: loaded().greedy(texts),
        lambda: loaded().sampled(texts),
        lambda: loaded().shortened(texts),
        lambda: loaded().with_examples(texts, solved),
    )
    for name, ask in zip(LANGUAGE_MODELS, asked, strict=True):
        answers[name] = _cached(cache, [name, seed, texts], ask)
    return answers


def _cached(folder: Path | None, key: object, make: Callable[[], list[str]]) -> list[str]:
    if folder is None:
        return make()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]}.json"
    if not path.exists():
        path.write_text(json.dumps(make()))
    return json.loads(path.read_text())
