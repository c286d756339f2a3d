"""One split for all: whatever a kind's filter drops, no held-out prompt is trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.builders.routing.elo_scoring import Spec
from runner.data.comparisons import ComparisonsData
from runner.errors import DataError, IntegrityError, RunFailed
from runner.evaluation.shared_holdout import Split
from runner.tasks.ranking.asking import common


def battles(rare: int, prompts: int, salt: str = "") -> list[dict]:
    """Rows of three common LLMs and of a rare one; every prompt is asked several times."""
    rows = []
    for at in range(prompts * 5):
        pair = [("ada", "bob"), ("bob", "cyd"), ("ada", "cyd")][at % 3] if at >= rare else ("ada", "rare")
        text = f"question {salt}{at % prompts}"
        rows.append(
            {
                "model_a": pair[0],
                "model_b": pair[1],
                "winner": ("model_a", "model_b", "tie")[at % 7 % 3],
                "conversation_a": [{"role": "user", "content": text}, {"role": "assistant", "content": f"a{at}"}],
                "conversation_b": [{"role": "user", "content": text}, {"role": "assistant", "content": f"b{at}"}],
            }
        )
    return rows


def write(folder: Path, rows: list[dict]) -> ComparisonsData:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ComparisonsData(dataset=str(path), validation_split=0.3)


def elo(least: int) -> Spec:
    return Spec(model_type="elo_scoring", min_model_occurrences=least)


@settings(max_examples=20, deadline=None)
@given(rare=st.integers(1, 6), prompts=st.integers(6, 20), salt=st.text("abc", max_size=3))
def test_the_side_of_a_prompt_does_not_depend_on_the_filter(tmp_path_factory, rare, prompts, salt):
    folder = tmp_path_factory.mktemp("split")
    split = Split.load(write(folder, battles(rare, prompts, salt)), folder)
    assert "rare" in split.held_out.models
    for least in (1, rare + 1):
        own = split.own(elo(least))
        assert ("rare" in own.train.models) == (least == 1)
        split.refuse_seen(elo(least), own.fingerprint)
        rows, llms = common(split.held_out, [own.train.models])
        kept = {(rows.prompts[p], rows.responses_a[at]) for at, p in enumerate(rows.prompt)}
        seen = own.validation
        assert kept == {(seen.prompts[p], seen.responses_a[at]) for at, p in enumerate(seen.prompt)}
        assert set(llms) == set(own.train.models)


def test_a_filter_that_leaves_no_training_part_has_a_split_of_its_own_and_is_refused(tmp_path):
    rows = battles(0, 40)
    first = Split.load(write(tmp_path, rows), tmp_path)
    held = {first.held_out.prompts[at] for at in first.held_out.prompt}
    for at, row in enumerate(rows):
        if row["conversation_a"][0]["content"] not in held:
            row["model_a"], row["model_b"] = f"rare {at}", f"rarer {at}"
    split = Split.load(write(tmp_path, rows), tmp_path)
    assert {split.held_out.prompts[at] for at in split.held_out.prompt} == held
    own = split.own(elo(20))
    # The model can be trained, alone; beside others it has seen what they are measured on.
    assert len(own.train) and len(own.validation)
    with pytest.raises(RunFailed, match="held-out prompts"):
        split.refuse_seen(elo(20), own.fingerprint)
    split.refuse_seen(elo(1), split.whole.fingerprint)


def test_data_that_changed_meanwhile_is_refused(tmp_path):
    split = Split.load(write(tmp_path, battles(3, 8)), tmp_path)
    split.refuse_seen(elo(1), split.whole.fingerprint)
    with pytest.raises(IntegrityError, match="changed"):
        split.refuse_seen(elo(1), "another")


def test_nothing_held_out_and_nothing_in_common_are_errors(tmp_path, made):
    section = write(tmp_path, battles(3, 8)).model_copy(update={"validation_split": 0.0})
    with pytest.raises(DataError, match="nothing is held out"):
        Split.load(section, tmp_path)
    data = made.some(30)
    with pytest.raises(DataError, match="two LLMs that all models know"):
        common(data, [("m0", "m1"), ("m2", "m3")])
    rows, llms = common(data, [("m0", "m1", "m2", "other"), ("m3", "m2", "m1")])
    assert llms == ("m1", "m2")
    assert {rows.models[at] for at in (*rows.model_a, *rows.model_b)} == {"m1", "m2"}
