"""Rows that no language model can learn from, and questions that none can answer."""

from __future__ import annotations

from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.cases_engine import small_disk
from tests.bad_inputs.language_materials import (
    FAST,
    labelled,
    lacking,
    language,
    pairs,
    talks,
    trained,
    turns,
)

ROWS = [
    lacking("nothing but prompts fit", language(max_length=24), "/model/spec/max_length", "answer"),
    lacking("a role that no row has", language(loss_on={"assistant": 0, "tool": 1}), "/model/spec/loss_on", "loss_on"),
    lacking("preferences to learn answers from", language(), "dpo", rows=pairs(), quick=True),
    lacking(
        "conversations to prefer",
        language("dpo"),
        "sft",
        rows=talks(turns(("user", "a"), ("assistant", "b")))[:1] * 8,
        quick=True,
    ),
    lacking("texts to answer with", language(), "causal_lm", rows=[{"text": "plain words"}] * 8, quick=True),
    lacking("single answers to tell pairs apart", language("reward"), "/data", rows=labelled(), quick=True),
    lacking("every answer wanted", language("kto"), "wanted", rows=labelled(lambda at: True)),
    lacking("labels that mean nothing", language("kto"), "label_words", rows=labelled(lambda at: "meh"), quick=True),
    lacking(
        "chosen equal to rejected",
        language("dpo"),
        "identical_pair",
        rows=[row | {"rejected": row["chosen"]} for row in pairs()],
        quick=True,
    ),
    lacking(
        "nothing but ties",
        language("reward"),
        "tie",
        rows=[
            {"prompt": row["prompt"], "response_a": row["chosen"], "response_b": row["rejected"], "winner": "tie"}
            for row in pairs()
        ],
        quick=True,
    ),
    lacking(
        "pictures in turns",
        language(),
        "unsupported_part",
        "image_url",
        rows=[turns(("user", [{"type": "image_url", "image_url": {"url": "x"}}]), ("assistant", "a"))] * 6,
        quick=True,
    ),
    lacking(
        "calls that are no JSON",
        language(),
        "bad_tool",
        rows=[
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [{"function": {"name": "f", "arguments": "{not json"}}],
                    },
                ]
            }
        ]
        * 6,
        quick=True,
    ),
    trained("an empty file of rows", 4, language(), "rows.jsonl", "empty", rows=""),
    lacking("every row lost", language(), "no_answer", rows=[turns(("user", f"a {n}")) for n in range(6)], quick=True),
    lacking(
        "every message's weight 0",
        language(),
        "weight 0",
        rows=[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}] * 6,
        quick=True,
    ),
    lacking(
        "a weight too large for a number",
        language(),
        "bad_weight",
        rows=[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 1e39}]}]
        * 6,
        quick=True,
    ),
    lacking("weights too small to count", language(loss_on={"assistant": 1e-60}), "/data"),
    lacking(
        "a warm-up longer than the training",
        language(schedule={"schedule_type": "linear", "warmup_steps": 9}),
        "/model/spec/schedule/warmup_steps",
    ),
    lacking("one answer a step", language("kto") | {"batch_size": 1}, "/batch_size", "gradient_accumulation"),
    trained(
        "a loss that is no number",
        1,
        language(optimizer=FAST | {"learning_rate": 1e20}, max_grad_norm=None, schedule=None, max_steps=4),
        "/model/spec/optimizer",
        "learning_rate",
        leaves="failed",
    ),
    trained(
        "steps too large for any number",
        1,
        language(optimizer=FAST | {"learning_rate": 1e38}, max_steps=4),
        "/model/spec/optimizer",
        "lower learning_rate",
        leaves="failed",
    ),
    trained(
        "a disk too full for a checkpoint",
        6,
        language(),
        "checkpoints/",
        "the disk is full",
        spoil=small_disk("runs", 600_000, inodes=256),
        leaves="failed",
    ),
    trained(
        "steps too small for any weight",
        1,
        language(optimizer=FAST | {"learning_rate": 1e-30}),
        "/model/spec/optimizer",
        "no weight",
        leaves="failed",
    ),
]


def asked(name: str, code: int, words: str, *says: str, rows: Any = None, model: str = "sft/talk", **more: Any) -> Case:
    """A question to a stored model, with some words of its own; ``rows`` are the file's."""

    def prepare(bench: Bench) -> None:
        bench.furnish_talkers()
        if rows is not None:
            bench.write("asked.jsonl", rows)

    source = ("--prompts-file", "asked.jsonl") if rows is not None else ("--prompts", "Hi")
    every = ("infer", "--model", model, *source, *words.split())
    return Case(name=f"language: {name}", code=code, words=every, says=says, prepare=prepare, **more)


ASKED = [
    asked("a temperature below nothing", 2, "--set temperature=-1", "--set temperature", "greater than or equal to 0"),
    asked("no share of the odds", 2, "--set temperature=1 --set top_p=0", "top_p", "greater than 0"),
    asked("several answers that would be the same", 2, "--set n=3", "--set n", "temperature"),
    asked("beams that are drawn", 2, "--set num_beams=2 --set temperature=1", "--set num_beams", "temperature"),
    asked("odds of drawing where none is drawn", 2, "--set top_k=5", "--set top_k", "temperature"),
    asked("log-probabilities of beams", 2, "--set num_beams=2 --set logprobs=true", "--set logprobs", "num_beams"),
    asked(
        "more tokens at least than at most", 2, "--set min_new_tokens=9 --set max_new_tokens=3", "--set min_new_tokens"
    ),
    asked("an option that there is none of", 2, "--set temprature=1", "temprature", "temperature"),
    asked("an option of answers to what scores", 2, "--set temperature=1", "temperature", model="reward/talk"),
    asked("LLMs to score", 2, "--models-to-score ada", "--models-to-score"),
    asked(
        "prompts longer than the model",
        4,
        "",
        "asked.jsonl: row 2",
        "reads at most 2,048",
        "and 2 rows more cannot be used: row 4: the prompt has 4,",
        "row 5: ",
        rows=[{"prompt": "Hi" + "x" * length} for length in (0, 3000, 1, 4000, 5000)],
    ),
    asked(
        "rows of which several ask nothing",
        4,
        "",
        "asked.jsonl:2",
        "and 2 rows more cannot be used: line 3: ",
        "line 5: ",
        rows=[{"prompt": "a"}, {"x": 1}, {"messages": []}, {"prompt": "b"}, {"messages": 3}],
    ),
    asked("no prompt in a row", 4, "", "asked.jsonl:1", rows=[{"question_about": "x"}]),
    asked("turns that are none", 4, "", "asked.jsonl:1", rows=[{"messages": [{"role": "user"}]}]),
    asked("nothing to answer", 4, "", "asked.jsonl:1", rows=[{"messages": [{"role": "system", "content": "a"}]}]),
    asked(
        "nothing to score",
        4,
        "",
        "asked.jsonl: row 1",
        "no answer to score",
        "row 3: there is no answer",
        rows=[{"prompt": "a"}, {"prompt": "a", "completion": "b"}, {"prompt": "c"}],
        model="reward/talk",
    ),
    Case(
        name="language: a talk with what scores",
        code=5,
        words=("chat", "reward/talk"),
        says=("reward/talk",),
        prepare=Bench.furnish_talkers,
    ),
    trained(
        "preferences of a model that scores",
        5,
        language("dpo", base_model_name="reward/talk"),
        "/model/spec/base_model_name",
        "is a model of reward",
        spoil=Bench.furnish_talkers,
    ),
]
CASES: list[Case] = [*ROWS, *ASKED]
