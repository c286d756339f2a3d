"""Names of LLMs that a reader would stumble over are told, and taken as they are."""

from __future__ import annotations

import pytest

from runner.data.comparisons.llm_names import odd_names
from tests.bad_inputs.materials import battles


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["gpt-4", "GPT-4", "gpt -4"], "'GPT-4', 'gpt -4', 'gpt-4' differ in case or spacing alone"),
        (["NaN", "bob"], "an LLM is called 'NaN', which is a word for a missing name"),
        (["2024-01-05", "bob"], "by dates, '2024-01-05': is another column the LLM?"),
    ],
)
def test_odd_names_are_told(names, said):
    (sentence,) = odd_names(names)
    assert said in sentence


def test_other_names_are_not():
    assert odd_names(["gpt-4", "gpt-4o", "gpt-4-2024-01-05", "nano"]) == []


def test_data_check_tells_of_them(desk):
    import json

    rows = battles(("ada", "Ada", "bob"))
    (desk.home / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "'Ada', 'ada' differ in case" in desk("data", "check", "data.jsonl", "--kind", "elo_scoring").ok().out
