"""Length models side by side, against a plain computation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from runner.errors import IntegrityError
from runner.tasks.length.comparing import count_tokens, measure, responses, tokenizer_of
from runner.tasks.ranking.asking import Asked


@pytest.fixture
def folder(tmp_path):
    """An artifact whose tokenizer splits at spaces, beside an encoder with another."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "tokenizer.json").write_text("not this one")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_tokens_are_counted_by_the_model_s_own_tokenizer(folder):
    assert tokenizer_of(folder) == folder / "tokenizer.json"
    assert count_tokens(tokenizer_of(folder), ["one two  three", "", "x"]).tolist() == [3, 1, 1]
    with pytest.raises(IntegrityError):
        tokenizer_of(folder / "nowhere")


def test_both_responses_are_measured_each_once(made, folder):
    data = made.some(60, seed=4)
    data = type(data)(
        **vars(data) | {"responses_a": ("two words",) * 60, "responses_b": ("a longer answer it is",) * 60}
    )
    prompt, llm, texts = responses(data)
    assert len(set(zip(prompt.tolist(), llm.tolist(), texts, strict=True))) == len(texts) < 120
    prompts = np.unique(data.prompt)
    rng = np.random.default_rng(0)
    answers = [Asked(rng.uniform(1, 9, (4, len(prompts))), prompts, data.models, 1.0) for _ in range(2)]
    entries = [SimpleNamespace(label=str(at), path=folder, as_dict=lambda at=at: {"label": str(at)}) for at in range(2)]
    table = {row["label"]: row for row in measure(entries, answers, data, seed=1)}
    for at, answer in enumerate(answers):
        row = table[str(at)]
        actual = [len(text.split()) for text in texts]
        said = [answer.table[m, prompts.tolist().index(p)] for p, m in zip(prompt, llm, strict=True)]
        ratios = np.array([a / b for a, b in zip(said, actual, strict=True)])
        assert row["relative_accuracy"] == pytest.approx(np.mean(1 - abs(1 - ratios)))
        assert row["mae_tokens"] == pytest.approx(np.mean([abs(a - b) for a, b in zip(said, actual, strict=True)]))
        assert row["mean_ratio"] == pytest.approx(ratios.mean()) and row["std_ratio"] == pytest.approx(ratios.std())
        assert row["n_validation"] == len(texts)
        for name in ("relative_accuracy", "mae_tokens"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    best = max(table.values(), key=lambda row: row["relative_accuracy"])
    assert best["best"] and best["versus_best"]["value"] == 0
    other = next(row for row in table.values() if row is not best)
    assert other["versus_best"]["value"] == pytest.approx(other["relative_accuracy"] - best["relative_accuracy"])
