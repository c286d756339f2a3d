"""Whether a training fits: one word, one sentence, and a start that is refused while nothing is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from runner.errors import EnvironmentProblem
from runner.execution.fit import Machine, judge, refuse, this_machine
from tests.examples import example

GIB = 2**30
CPU = Machine("cpu", 16 * GIB, "this machine", 12 * GIB, GIB // 2, 100 * GIB, "/runs")
GPU = replace(CPU, device="cuda", whose="the GPU", memory_free=15 * GIB)


def planned(memory: int | None = None, *, processes: int = 1, ran: int | None = None, **more: Any) -> dict[str, Any]:
    """What of a dry run is judged."""
    figures = more.pop("figures", {})
    footprint = {"memory": memory, "figures": figures, "savings": ["the method lora"]} if memory is not None else None
    estimate = {"memory": ran, "judged_by": "20260101-run" if ran is not None else None}
    model = {"spec": {"save_as": more.pop("save_as", "adapter")}}
    return {
        "spec": {"run": {"processes": processes}, "model": model},
        "footprint": footprint,
        "estimate": estimate,
        "footprint_unknown": None,
        "data_unknown": None,
    } | more


@pytest.mark.parametrize(
    ("document", "machine", "label", "of"),
    [
        (planned(4 * GIB), CPU, "fits", "memory"),
        # The libraries come on top, in each process of a machine, and the processes of GPUs have one each.
        (planned(15 * GIB + GIB * 3 // 4), CPU, "will not fit", "memory"),
        (planned(5 * GIB, processes=3), CPU, "will not fit", "memory"),
        (planned(5 * GIB, processes=3), GPU, "fits", "memory"),
        # Little is left, or something else has it now.
        (planned(14 * GIB), CPU, "tight", "memory"),
        (planned(4 * GIB), replace(CPU, memory_free=GIB), "tight", "memory"),
        (planned(13 * GIB), replace(GPU, memory_free=8 * GIB), "tight", "memory"),
        (planned(ran=4 * GIB), CPU, "fits", "memory"),
        (planned(ran=20 * GIB), CPU, "will not fit", "memory"),
        # A billion parameters trained whole: 4 bytes each as they are stored, 12 in a checkpoint.
        (planned(GIB, figures={"parameters": 10**9, "trainable_parameters": 10**9}), CPU, "fits", "memory"),
        (
            planned(GIB, figures={"parameters": 10**9, "trainable_parameters": 10**9}),
            replace(CPU, disk_free=15 * GIB // 2),
            "will not fit",
            "disk",
        ),
        (
            planned(GIB, figures={"parameters": 10**9, "trainable_parameters": 10**9}),
            replace(CPU, disk_free=17 * GIB),
            "tight",
            "disk",
        ),
        # An adapter is small; the same put into its base is not.
        (
            planned(GIB, figures={"parameters": 10**9, "trainable_parameters": 10**6}),
            replace(CPU, disk_free=GIB),
            "fits",
            "memory",
        ),
        (
            planned(GIB, save_as="whole", figures={"parameters": 10**9, "trainable_parameters": 10**6}),
            replace(CPU, disk_free=GIB),
            "will not fit",
            "disk",
        ),
        (planned(), CPU, "unknown", "memory"),
    ],
)
def test_a_training_is_judged_by_what_it_needs_and_what_there_is(document, machine, label, of):
    fit = judge(document, machine)
    assert (fit.label, fit.of) == (label, of)
    assert label == "unknown" or fit.needed_bytes > 0 < fit.available_bytes
    assert label != "will not fit" or fit.needed_bytes > fit.available_bytes


def test_what_will_not_fit_says_what_would_and_whose_limit_it_is():
    fit = judge(planned(20 * GIB), replace(CPU, whose="/run/memory"))
    assert "20 GiB" in fit.sentence or "20,992 MiB" in fit.sentence
    assert "/run/memory has 16,384 MiB: try the method lora" in fit.sentence


def test_what_is_unknown_says_why():
    assert "the model is not here" in judge(planned(footprint_unknown="the model is not here"), CPU).sentence


def test_a_start_is_refused_by_the_kinds_own_estimate_alone_and_not_anyway():
    too_much = judge(planned(20 * GIB), CPU)
    with pytest.raises(EnvironmentProblem, match="will not fit") as refused:
        refuse(too_much, anyway=False)
    assert "--anyway" in refused.value.hint
    refuse(too_much, anyway=True)
    refuse(judge(planned(ran=20 * GIB), CPU), anyway=False)
    refuse(judge(planned(14 * GIB), CPU), anyway=False)


def test_this_machine_has_the_limit_that_the_spec_names_and_the_disk_of_a_folder_that_is_to_be(tmp_path):
    machine = this_machine(tmp_path / "a" / "b", asked=8 * 2**20)
    assert (machine.memory, machine.whose) == (8 * 2**20, "/run/memory")
    assert machine.folder == str(tmp_path) and machine.disk_free > 0 and machine.libraries > 2**20


@pytest.mark.slow
@pytest.mark.warm
def test_a_dry_run_says_how_a_training_of_no_estimate_fits(desk):
    words = ("train", "--executor", "local", "--dry-run")
    plan = desk(*words, "--json", stdin=json.dumps(example("elo_scoring"))).ok().json
    assert plan["fit"]["label"] == "unknown"
    assert "fit        unknown: " in desk(*words, stdin=json.dumps(example("elo_scoring"))).ok().out


def test_anyway_begins_something(desk):
    done = desk("train", "--dry-run", "--anyway", stdin=json.dumps(example("elo_scoring")))
    assert done.code == 2 and "--anyway" in done.err


@pytest.mark.slow
@pytest.mark.warm
def test_a_training_that_will_not_fit_is_refused_before_it_begins_and_begins_anyway(desk):
    document = example("sft") | {"run": {"memory": "900m"}, "batch_size": 192}
    words = ("train", "--executor", "local")
    plan = desk(*words, "--dry-run", "--json", stdin=json.dumps(document)).ok().json
    assert plan["fit"]["label"] == "will not fit"
    assert plan["fit"]["needed_bytes"] > plan["fit"]["available_bytes"] == 900 * 2**20
    refused = desk(*words, "--json", stdin=json.dumps(document))
    assert refused.code == 6
    assert "will not fit" in refused.json["message"] and "--anyway" in refused.json["hint"]
    (run,) = (desk.home / "runs").iterdir()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["started", "data", "fit", "failed"]
    # Begun all the same, it may end at the limit that it was told of.
    begun = desk("train", "--resume", "last", "--anyway")
    assert begun.code in (0, 137)
    (told,) = [line for line in begun.err.splitlines() if line.startswith("will not fit: ")]
    assert "/run/memory has 900 MiB" in told
