"""Configurations as each program's documents show them: every line is told of once, and means the same here."""

from __future__ import annotations

from collections import Counter

import pytest

from runner.interchange import importing, script_text
from runner.interchange.yaml_text import read_config
from runner.spec.pointers import get
from tests.interchange.documented import DOCUMENTED

NAMES = list(DOCUMENTED)


def source(fmt):
    return "config.py" if fmt == "unsloth" else "config.yaml"


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_it_is_reported_once(name):
    fmt, text, _, _ = DOCUMENTED[name]
    data = text.encode()
    read = script_text.read_script if fmt == "unsloth" else read_config
    report = importing.import_data(data, source(fmt), fmt)
    said = Counter(entry.key for entry in report.entries)
    written = {leaf.shown: 1 for leaf in read(data, source(fmt))}
    assert said == written | {key: 1 for key in said if key not in written and key == fmt.partition(":")[2]}
    assert "unknown" not in {entry.outcome for entry in report.entries}


@pytest.mark.parametrize("name", NAMES)
def test_it_means_the_same_here_and_what_does_not_is_said(name):
    fmt, text, fields, lost = DOCUMENTED[name]
    report = importing.import_data(text.encode(), source(fmt), fmt)
    assert {pointer: get(report.spec, pointer) for pointer in fields} == fields
    assert {entry.key for entry in report.lost} == lost


@pytest.mark.parametrize(("word", "says"), [("true", False), ("false", True)])
def test_a_switch_that_is_written_as_its_contrary(word, says):
    text = f"model_name_or_path: a/b\ndataset_name: c/d\nno_gradient_checkpointing: {word}\n"
    report = importing.import_data(text.encode(), "config.yaml", "trl:sft")
    (entry,) = [entry for entry in report.entries if entry.key == "no_gradient_checkpointing"]
    # What is shown is what was written.
    assert entry.value is (word == "true")
    assert entry.pointers == ("/model/spec/gradient_checkpointing",)
    assert report.spec["model"]["spec"].get("gradient_checkpointing", False) is says


def test_a_measure_of_the_same_name_is_carried_over_and_another_is_not():
    for measure, outcome in (("token_accuracy", "carried"), ("rewards/accuracies", "no equivalent")):
        text = (
            "model_name_or_path: a/b\ndataset_name: c/d\neval_strategy: epoch\nload_best_model_at_end: true\n"
            f"metric_for_best_model: eval_{measure}\n"
        )
        report = importing.import_data(text.encode(), "config.yaml", "trl:sft")
        (entry,) = [entry for entry in report.entries if entry.key == "metric_for_best_model"]
        assert entry.outcome == outcome
