"""The page on the verdict names what a run records."""

from __future__ import annotations

import numpy as np

from runner.tasks.ranking.verdict import FEWEST_PROMPTS, verdict
from runner.tasks.ranking.verdict_words import METRICS, recorded
from tests.docs.documents import ROOT
from tests.tasks.ranking.verdict_cases import matrix

PAGE = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")


def test_every_metric_table_and_policy_is_named():
    found = verdict(matrix(), np.random.default_rng(1).normal(size=(3, 60)), 1.0, 1, routed=np.arange(60) % 3)
    assert found is not None
    tables = recorded(found)
    for name in (*METRICS, *tables):
        assert f"`{name}`" in PAGE
    for policy in ("this router", "this routing", "random", "shuffled scores", "oracle"):
        assert policy in [row[0] for row in tables["policies"]["rows"]] and f"\n| {policy} |" in PAGE
    assert f"fewer than {FEWEST_PROMPTS} prompts" in PAGE
