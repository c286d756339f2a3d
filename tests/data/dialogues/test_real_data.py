"""Published data sets, each with the rows that are in it."""

from __future__ import annotations

import pytest

from tests.data.dialogues.conftest import load_file


@pytest.mark.parametrize(
    ("name", "kind", "fields", "kept", "examples"),
    [
        ("chat_oasst.jsonl", "sft", {}, 107, 107),
        ("chat_agent_tau_airline.jsonl", "sft", {}, 20, 20),
        ("chat_agent_tau_airline.jsonl", "kto", {"columns": {"label": "reward"}}, 20, 20),
        ("vicuna_blog_chat.jsonl", "sft", {}, 240, 240),
        ("instruct_gpteacher_code.jsonl", "sft", {}, 400, 400),
        ("instruct_self_instruct_seeds.jsonl", "sft", {}, 175, 175),
        ("rl_gsm8k_train1000.jsonl", "sft", {}, 1000, 1000),
        ("rl_humaneval.jsonl", "sft", {"columns": {"completion": "canonical_solution"}}, 164, 164),
        ("toolcall_bfcl.jsonl", "sft", {}, 250, 250),
        ("preference_oasst_ranked.jsonl", "dpo", {}, 207, 207),
        ("llmbar_preferences.jsonl", "dpo", {}, 419, 419),
        ("llmbar_preferences.jsonl", "kto", {}, 419, 838),
        ("pandalm_human_comparisons.jsonl", "dpo", {}, 842, 842),
        (
            "seq2seq_e2e_nlg.jsonl",
            "sft",
            {"columns": {"prompt": "meaning_representation", "completion": "reference"}},
            1030,
            1030,
        ),
        ("classify_banking77.csv", "causal_lm", {}, 2310, 2310),
    ],
)
def test_the_rows_of_a_published_data_set(shared_data, name, kind, fields, kept, examples):
    loaded = load_file(kind, shared_data / name, **fields)
    assert loaded.report.rows_kept == kept
    assert len(loaded.train) + len(loaded.validation) == examples
    assert loaded.train and loaded.validation
