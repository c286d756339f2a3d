"""Suites of lm-evaluation-harness: the harness's own figures of our models, and those of its own model beside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from runner.errors import EnvironmentProblem, UsageError
from runner.evaluation import public_suites
from tests.conftest import ROOT
from tests.evaluation.task_documents import Bench, evaluated, result, samples, task
from tests.talking_models import GOES_ON

ROWS = ROOT / "specs" / "evaluation" / "opposites.jsonl"
COMMON = f"""
dataset_path: json
dataset_kwargs: {{data_files: {{test: {ROWS}}}}}
test_split: test
metadata: {{version: 1}}
"""
CHOICES = """
task: opposites_choices
output_type: multiple_choice
doc_to_text: 'What is the opposite of "{{word}}"?'
doc_to_choice: "{{choices}}"
doc_to_target: "{{right}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
TEXTS = """
task: opposites_texts
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{word}} is no {{opposite}}."
metric_list: [{metric: byte_perplexity}, {metric: bits_per_byte}]
"""
SAYS = """
task: opposites_says
output_type: generate_until
doc_to_text: 'The opposite of {{word}}?'
doc_to_target: "{{opposite}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 6, do_sample: false}
metric_list: [{metric: exact_match}]
"""


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tasks of the harness, on rows that lie here."""
    import datasets
    import huggingface_hub.constants

    # The harness's own model asks the Hub about a folder's name, and data sets tell that they were loaded.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    folder = tmp_path / "suites"
    folder.mkdir()
    for name, text in (("choices", CHOICES), ("texts", TEXTS), ("says", SAYS)):
        (folder / f"{name}.yaml").write_text(text + COMMON)
    return folder


def test_suites_are_named_as_the_harness_s(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    home, _ = bench(task({"by": "perplexity"}))
    with pytest.raises(UsageError, match="names no suite"):
        evaluated(home, [], suites=["arc_easy"])
    with pytest.raises(UsageError, match="nothing is asked"):
        evaluated(home, [])
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
    public_suites._index.cache_clear()
    with pytest.raises(EnvironmentProblem, match="is not installed"):
        evaluated(home, [], suites=["lm_eval:arc_easy"])


@pytest.mark.slow
def test_figures_and_likelihoods_are_those_of_the_harness(bench: Bench, suites: Path):
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    choices = {"by": "multiple_choice", "choices": ["choices"], "correct": "right", "correct_is": "index"}
    fields: dict[str, Any] = {"data": {"dataset": str(ROWS)}, "prompt": 'What is the opposite of "{word}"?'}
    home, files = bench(task(choices) | fields)
    names = ["opposites_choices", "opposites_texts", "opposites_says"]
    document = evaluated(
        home, files, [GOES_ON], suites=[f"lm_eval:{name}" for name in names], suite_path=suites
    )  # fmt: skip
    theirs = simple_evaluate(
        HFLM(pretrained=str(home / "models" / GOES_ON / "v1"), device="cpu", dtype="float32", batch_size=4),
        tasks=names, task_manager=TaskManager(include_path=str(suites), include_defaults=False), bootstrap_iters=0,
    )  # fmt: skip
    for suite, name in zip(document["suites"], names, strict=True):
        (own,) = suite["models"]
        for row in own["results"]:
            assert row["value"] == pytest.approx(theirs["results"][name][f"{row['metric']},none"], rel=1e-4)
            assert row["n"] == 20
        assert own["results"]
    # Our own task of the same rows: the same logarithms, and the same figures.
    docs = sorted(theirs["samples"]["opposites_choices"], key=lambda each: each["doc_id"])
    for record, sample in zip(samples(home, model=GOES_ON), docs, strict=True):
        logs = [answer[0] for answer in sample["filtered_resps"]]
        assert [choice["log_prob"] for choice in record["choices"]] == pytest.approx(logs, abs=1e-4)
    figures = theirs["results"]["opposites_choices"]
    assert result(document, "accuracy", GOES_ON)["value"] == pytest.approx(figures["acc,none"])
    assert result(document, "accuracy_norm", GOES_ON)["value"] == pytest.approx(figures["acc_norm,none"])
