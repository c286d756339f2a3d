"""Which of two answers a stored language model prefers: by how likely it finds each verdict, and by its words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.chat.judge_prompt import likelier, preference
from runner.errors import ConflictError, SpecError
from tests.conftest import Desk
from tests.evaluation.task_documents import SAYS, Bench, evaluated, result, samples, task
from tests.talking_models import CHATS, GOES_ON, keep


def judged(**fields: Any) -> dict[str, Any]:
    return task(SAYS | {"metrics": [{"metric": "preferred", "model": CHATS} | fields]})


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("Better is [[A]]", "[[B]]", 1.0),
        ("[[B]]", "[[A]]", 0.0),
        # It goes by the place: none is better.
        ("[[A]]", "[[A]]", 0.5),
        ("[[C]]", "[[C]]", 0.5),
        ("[[A]]", "who knows", None),
    ],
)
def test_a_judgement_is_of_both_orders(first, second, wanted):
    assert preference(first, second) == wanted


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        # The log-probabilities of A and B, the answer as A and then as B.
        ((-0.1, -9.0), (-9.0, -0.1), 0.99986),
        ((-9.0, -0.1), (-0.1, -9.0), 0.00014),
        ((-0.1, -9.0), (-0.1, -9.0), 0.5),
        ((-2.0, -2.0), (-7.0, -7.0), 0.5),
        ((-1.0, -2.0), (-3.0, -3.0), 0.61553),
        # Letters that are hardly ever said, and such as cannot be said less.
        ((-2000.0, -1000.0), (-1e30, 0.0), 0.5),
    ],
)
def test_a_likelihood_is_of_both_orders(first, second, wanted):
    assert likelier(first, second) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("judge", [CHATS, GOES_ON])
def test_any_language_model_judges_by_likelihood_and_is_asked_once(bench: Bench, judge: str):
    home, files = bench(judged(model=judge))
    document = evaluated(home, files)
    metric = f"preferred({judge})"
    for model in (CHATS, GOES_ON):
        row = result(document, metric, model)
        each = [one["scores"][metric] for one in samples(home, model=model)]
        assert (row["n"], row["unread"]) == (8, 0) and row["value"] == pytest.approx(sum(each) / 8, abs=1e-6)
        assert all(0 < one < 1 for one in each) and len(set(each)) > 1
    # What is known is not asked again, and the words are the same.
    kept = sorted(path.stat().st_size for path in (home / "cache" / "evaluations").glob("*.jsonl"))
    assert evaluated(home, files)["tasks"][0]["results"] == document["tasks"][0]["results"]
    assert sorted(path.stat().st_size for path in (home / "cache" / "evaluations").glob("*.jsonl")) == kept


def test_a_judge_that_goes_by_the_place_alone_prefers_none(bench: Bench):
    home, files = bench(judged(model="sft/first"))
    always_a(home)
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    desk("evaluate", "--models", GOES_ON, "--tasks", files[0], "--output-dir", "out").ok()
    document = json.loads((home / "out" / "evaluation.json").read_text())
    each = [one["scores"]["preferred(sft/first)"] for one in samples(home, model=GOES_ON)]
    assert each == pytest.approx([0.5] * 8, abs=1e-4)
    assert result(document, "preferred(sft/first)", GOES_ON)["value"] == pytest.approx(0.5, abs=1e-4)


def test_an_answer_for_which_the_judge_has_no_room_is_in_no_figure(bench: Bench):
    lines = [{"word": "hot", "right": "cold"}, {"word": "up", "right": "down " * 400}]
    home, files = bench(judged(), lines=lines)
    row = result(evaluated(home, files, [GOES_ON]), f"preferred({CHATS})", GOES_ON)
    assert (row["n"], row["unread"]) == (1, 1)
    words, files = bench(judged(verdict="words", max_new_tokens=2), lines=lines)
    assert result(evaluated(words, files, [GOES_ON]), f"preferred({CHATS})", GOES_ON)["unread"] == 2


def test_words_are_of_a_judge_that_converses(bench: Bench):
    home, files = bench(judged(model=GOES_ON, verdict="words"))
    with pytest.raises(ConflictError, match="has no template for a conversation") as refused:
        evaluated(home, files)
    assert (refused.value.where or "").endswith("/answer/metrics/0/model")


def test_tokens_of_a_verdict_that_is_not_said_are_refused(bench: Bench):
    home, files = bench(judged(max_new_tokens=8))
    with pytest.raises(SpecError, match="max_new_tokens") as refused:
        evaluated(home, files)
    assert "has no effect" in str(refused.value)


def always_a(home: Path) -> None:
    """Store a judge that says A, whatever stands before."""
    folder = home / "made"
    shutil.copytree(home / "models" / CHATS / "v1", folder)
    (folder / "manifest.json").unlink()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, tie_word_embeddings=False)
    (letter,) = tokenizer("A", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        # The last layer reads every text as the same.
        model.model.norm.weight.zero_()
        model.lm_head.weight.zero_()
        model.model.norm.weight[0] = 1.0
        model.lm_head.weight[letter, 0] = 1.0
        first = model.model.embed_tokens.weight
        first[:, 0] = first.norm(dim=1).max() * 1e3
    model.config.tie_word_embeddings = False
    model.save_pretrained(folder)
    keep(home, "sft/first", folder)
