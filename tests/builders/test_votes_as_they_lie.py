"""Votes alone (two LLMs and who won), as their collectors published them, train every kind that reads no more."""

from __future__ import annotations

import pytest

from runner import registry
from runner.contract import LoadContext
from runner.data.comparisons import ComparisonsData
from runner.training.optimizers import Adam

RATINGS = {
    name: kind
    for name, kind in ((name, registry.load(name)) for name in registry.built_in())
    if kind.TASK.name == "ranking" and not kind.Spec.reads
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RATINGS)
@pytest.mark.parametrize("file", ["router_llmfao_votes.csv", "router_mtbench_votes.csv"])
def test_it_trains_on_them(shared_data, context_for, tmp_path, kind, file):
    more = {"optimizer": Adam(optimizer_type="adam")} if kind == "simple_scoring" else {}
    spec = RATINGS[kind].Spec(model_type=kind, min_model_occurrences=20, **more)
    section = ComparisonsData(dataset=str(shared_data / file))
    section.suits(spec, tmp_path)
    told = []
    data = section.load(LoadContext(spec, tmp_path / "cache", lambda event, **fields: told.append(fields)))
    result = RATINGS[kind].train(spec, context_for(data, epochs=1))
    assert result.metrics["accuracy"] > 0.55 and len(result.tables["leaderboard"]) == len(data.train.models)
    assert not any("unknown winner" in str(fields) for fields in told), "a tie (inconsistent) is a tie"
