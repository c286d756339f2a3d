"""What models answer to tasks and what that is worth, beside counts by hand, and judges."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.errors import ConflictError, UsageError
from runner.evaluation.evaluating import Plan, evaluate, prepare
from tests.conftest import SHARED_DATA, Desk
from tests.evaluation import task_documents as made
from tests.evaluation.task_documents import (
    CHOICES,
    LIKELY,
    SAYS,
    TEXTS,
    Bench,
    evaluated,
    furnish,
    result,
    samples,
    task,
    workspace,
)
from tests.talking_models import CHATS, GOES_ON, RANKS, keep


def test_the_likeliest_choice_is_the_answer_and_by_the_byte_as_lm_eval_has_it(bench: Bench):
    home, files = bench(task(CHOICES))
    document = evaluated(home, files)
    for model in (CHATS, GOES_ON):
        right: dict[str, list[bool]] = {"accuracy": [], "accuracy_norm": []}
        for each in samples(home, model=model):
            logs = np.array([choice["log_prob"] for choice in each["choices"]])
            sizes = np.array([len(choice["text"].encode()) for choice in each["choices"]])
            right["accuracy"].append(int(np.argmax(logs)) == each["correct"])
            right["accuracy_norm"].append(int(np.argmax(logs / sizes)) == each["correct"])
            assert each["scores"] == {name: float(values[-1]) for name, values in right.items()}
        for name, values in right.items():
            row = result(document, name, model)
            assert (row["value"], row["interval"]) == (pytest.approx(np.mean(values)), "wilson")


def test_likelihoods_and_perplexities_are_those_of_a_loop_over_transformers(bench: Bench):
    home, files = bench(task(LIKELY), task(TEXTS, "texts", prompt="{word} is no {right}."))
    document = evaluated(home, files, [GOES_ON])
    folder = home / "models" / GOES_ON / "v1"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()

    def log_prob(before: list[int], after: list[int]) -> float:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*before, *after]])).logits[0].double()
        logs = torch.log_softmax(logits, dim=-1)
        return float(sum(logs[len(before) - 1 + at, token] for at, token in enumerate(after)))

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    logs, tokens = [], 0
    for row, each in zip(made.rows(), samples(home, model=GOES_ON), strict=True):
        answer = ids(f" {row['right']}")
        logs.append(log_prob(ids(f"The opposite of {row['word']}?"), answer))
        tokens += len(answer)
        assert each["log_prob"] == pytest.approx(logs[-1], abs=1e-4)
    assert result(document, "log_likelihood", GOES_ON)["value"] == pytest.approx(np.mean(logs), abs=1e-4)
    assert result(document, "perplexity", GOES_ON)["value"] == pytest.approx(math.exp(-sum(logs) / tokens), rel=1e-4)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    texts = [f"{row['word']} is no {row['right']}." for row in made.rows()]
    nats = -sum(log_prob([start], ids(text)) for text in texts)
    size = sum(len(text.encode()) for text in texts)
    wanted = {
        "token_perplexity": math.exp(nats / sum(len(ids(text)) for text in texts)),
        "byte_perplexity": math.exp(nats / size),
        "bits_per_byte": nats / size / math.log(2),
    }
    for name, value in wanted.items():
        assert result(document, name, GOES_ON, at=1)["value"] == pytest.approx(value, rel=1e-4)


@pytest.mark.slow
@pytest.mark.warm
def test_what_is_generated_is_what_infer_answers(bench: Bench):
    home, files = bench(task(SAYS | {"options": {"max_new_tokens": 6, "temperature": 1.0, "seed": 3}}))
    evaluated(home, files, [CHATS])
    prompts = [f"The opposite of {row['word']}?" for row in made.rows()]
    settings = ("--set", "max_new_tokens=6", "--set", "temperature=1.0", "--set", "seed=3")
    desk = Desk(home)
    said = desk("infer", "--model", CHATS, "--prompts", *prompts, *settings, "--output-path", "-").ok().json
    assert [each["completion"] for each in samples(home)] == [each["completion"] for each in said["completions"]]


def test_a_batch_decides_no_figure(bench: Bench):
    home, files = bench(task(CHOICES), task(SAYS, "says"), task(TEXTS, "texts", prompt="{word} is no {right}."))
    alone = evaluated(home, files, batch_size=1)
    together = evaluated(home, files, batch_size=7, fresh=True)
    for one, other in zip(alone["tasks"], together["tasks"], strict=True):
        for row, same in zip(one["results"], other["results"], strict=True):
            assert row == same | {
                name: pytest.approx(same[name], abs=1e-3) for name in ("value", "low", "high", "standard_error")
            }


@pytest.mark.slow
@pytest.mark.warm
def test_a_chat_can_be_switched_off_for_all_and_models_asked_otherwise_are_told(bench: Bench):
    home, files = bench(task(CHOICES))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    words = ("evaluate", "--models", CHATS, GOES_ON, "--tasks", files[0])
    assert "not asked alike" in desk(*words).ok().out
    furnish(home, home / "models", [task(CHOICES, chat="off")])
    assert "not asked alike" not in desk(*words).ok().out
    for field in ({"chat": "on"}, {"system": "Be brief."}):
        furnish(home, home / "models", [task(CHOICES, **field)])
        refused = desk(*words)
        assert refused.code == 5 and "has no template for a chat" in refused.err and next(iter(field)) in refused.err


def test_a_system_s_turn_is_asked_first(bench: Bench):
    home, files = bench(task(CHOICES, system="Be brief."))
    evaluated(home, files, [CHATS])
    assert all(each["prompt"].startswith("<|im_start|>system\nBe brief.") for each in samples(home))


@pytest.mark.slow
@pytest.mark.warm
def test_a_table_a_page_and_markdown_say_the_same(bench: Bench):
    home, files = bench(task(CHOICES, description="Which word is the opposite."), task(SAYS, "says"))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    ran = desk("evaluate", "--models", CHATS, GOES_ON, "--tasks", *files, "--output-dir", "out").ok()
    document = json.loads((home / "out" / "evaluation.json").read_text())
    page, markdown = ((home / "out" / f"evaluation.{end}").read_text() for end in ("html", "md"))
    shown = f"{result(document, 'accuracy')['value']:.4f}"
    for text in (ran.out, page, markdown):
        assert shown in text and "accuracy_norm" in text and "exact_match" in text and "baseline" in text
    assert "Which word is the opposite." in page and "http" not in page.replace("http-equiv", "")
    assert ran.out.rstrip().endswith("out/evaluation.html")


@pytest.mark.parametrize(
    ("models", "error", "message"),
    [([RANKS], ConflictError, "language models are evaluated"), ([CHATS, CHATS], UsageError, "named twice")],
)
def test_models_that_cannot_be_evaluated_are_refused(bench: Bench, models, error, message):
    home, files = bench(task(CHOICES))
    with pytest.raises(error, match=message):
        evaluated(home, files, models)


# ---- Judges

IN_WORDS = {"metric": "preferred", "model": CHATS, "verdict": "words", "max_new_tokens": 2}


@pytest.fixture(scope="module")
def rewards(talking: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored reward model that took no training, in a store of its own."""
    from transformers import AutoModelForSequenceClassification

    home = tmp_path_factory.mktemp("rewards")
    source = talking.home / "models" / CHATS / "v1"
    folder = home / "made"
    shutil.copytree(source, folder)
    (folder / "manifest.json").unlink()
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1)
    model.save_pretrained(folder)
    keep(home, "reward/judge", folder)
    return home / "models"


def test_a_stored_reward_model_scores_answers(bench: Bench, rewards: Path):
    home, files = bench(task(SAYS | {"metrics": [{"metric": "reward", "model": "reward/judge"}]}))
    shutil.copytree(rewards / "reward", home / "models" / "reward")
    document = evaluated(home, files)
    assert document["judges"] == ["reward/judge/v1"]
    rows = [
        {"prompt": f"The opposite of {row['word']}?", "completion": each["completion"]}
        for row, each in zip(made.rows(), samples(home, model=GOES_ON), strict=True)
    ]
    made.write_rows(home / "answers.jsonl", rows)
    found = Desk(home)("infer", "--model", "reward/judge", "--input", "answers.jsonl", "--output-path", "-").ok().json
    wanted = [each["reward"] for each in found["rewards"]]
    scores = [each["scores"]["reward(reward/judge)"] for each in samples(home, model=GOES_ON)]
    assert scores == pytest.approx(wanted, abs=1e-4)
    assert result(document, "reward(reward/judge)", GOES_ON)["value"] == pytest.approx(np.mean(wanted), abs=1e-4)
    assert evaluated(home, files)["tasks"][0]["results"] == document["tasks"][0]["results"]


def test_a_judge_that_is_none_is_refused_at_its_field(bench: Bench):
    home, files = bench(task(SAYS | {"metrics": [{"metric": "reward", "model": CHATS}]}))
    with pytest.raises(ConflictError, match="gives no rewards") as refused:
        evaluated(home, files)
    assert (refused.value.where or "").endswith("/answer/metrics/0/model")


def test_what_a_judge_says_nothing_of_is_in_no_figure(bench: Bench):
    """The tiny model's words are no judgement."""
    home, files = bench(task(SAYS | {"metrics": [IN_WORDS]}))
    document = evaluated(home, files, [GOES_ON])
    row = result(document, f"preferred({CHATS})", GOES_ON)
    assert (row["n"], row["unread"], row["value"]) == (0, len(made.PAIRS), None)


def test_a_judge_that_is_evaluated_too_is_opened_once_and_tells_of_its_work(bench: Bench):
    home, files = bench(task(SAYS | {"metrics": [IN_WORDS]}))
    prepared = prepare(Plan((GOES_ON, CHATS), files, batch_size=8), workspace(home))
    (judge,), (_, model) = prepared.bench.judges, prepared.models
    assert judge.opened is model.opened
    told: list[Any] = []
    document = evaluate(prepared, home / "out", told.append)
    # What it says as a judge is none of its answers to the task.
    assert [one["answers"]["computed"] for one in document["tasks"][0]["models"]] == [8, 8]
    judging = [event for event in told if event.phase == f"{CHATS} judges {GOES_ON}/v1 on opposites"]
    assert [(event.done, event.total) for event in judging] == [(0, 16), (8, 16), (16, 16)]


# ---- Real rows


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no ../shared/data beside the checkout")
def test_real_multiple_choice_and_maths_rows(bench: Bench):
    truthful = task(
        CHOICES | {"choices": ["best_answer", "incorrect_answers"], "correct": "best_answer"},
        "truthful",
        data={"dataset": str(SHARED_DATA / "mc_truthfulqa.jsonl")},
        prompt="Q: {question}\nA:",
        few_shot={"k": 2},
        chat="off",
    )
    maths = task(
        SAYS
        | {
            "reference": "{final_answer}",
            "options": {"max_new_tokens": 12, "stop": ["\n\n"]},
            "metrics": [{"metric": "numeric_match"}, {"metric": "extracted_match", "pattern": "#### (.+)"}],
        },
        "maths",
        data={"dataset": str(SHARED_DATA / "rl_gsm8k_train1000.jsonl")},
        prompt="Question: {question}\nAnswer:",
        few_shot={"k": 1},
    )
    home, files = bench(truthful, maths)
    document = evaluated(home, files, limit=40)
    for each in document["tasks"]:
        assert each["data"]["usable"] > 800
        assert all(row["n"] == 40 for row in each["results"])
    assert sum(document["tasks"][0]["data"]["rows_dropped"].values()) < 20
    assert evaluated(home, files, limit=40)["tasks"][0]["results"] == document["tasks"][0]["results"]
