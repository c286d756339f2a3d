"""Whole documents as users of an older system have them, unchanged: all are valid, and train."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner import registry
from runner.spec.checking import load, load_file
from runner.spec.repair import fix
from tests.conftest import Desk

FOLDER = Path(__file__).parent / "older_system"
DOCUMENTS = sorted(FOLDER.glob("*.json"))
#: That they train is the question, and not how a process begins.
pytestmark = pytest.mark.warm
#: Those that train within half a minute each.
OTHERS = (
    "simple", "simple_muon", "greedy_negative_rank", "greedy_centered", "mcmf", "least_squares",
    "simple_lengths_means", "dense", "gb_all_inputs", "gb_lengths", "dn_lengths", "response_predictive",
)  # fmt: skip


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_it_is_valid_as_it_is_and_without_a_warning_once_fixed(path):
    loaded = load_file(path)
    document = json.loads(path.read_text())
    assert loaded.kind == (document["model"]["spec"] or {}).get("model_type")
    text, _ = fix(path.read_bytes())
    assert {warning.message.partition(":")[0] for warning in load(text).warnings} <= {"ignored"}


def test_there_is_one_of_every_kind_that_the_older_system_has():
    kinds = {load_file(path).kind for path in DOCUMENTS} - {None}
    own = {"bradley_terry_scoring", "matrix_factorization"}
    built_in = {name for name, kind in registry.built_in().items() if kind.family == "routing"}
    assert kinds <= built_in and len(kinds) >= 13 and not kinds & own
    assert len(DOCUMENTS) >= 20


def small(name: str, **more) -> dict:
    """The document on the packaged data, trained for a moment: what it is trained on and how long is changed."""
    document = json.loads((FOLDER / f"{name}.json").read_text())
    document["data"] |= {"dataset": "sample"}
    document.pop("wandb", None)
    for field in ("min_model_occurrences", "min_model_comparisons"):
        if field in (document["model"]["spec"] or {}):
            document["model"]["spec"][field] = 20
    return document | {"epochs": min(1, document["epochs"])} | more


def train(desk: Desk, *names: str) -> None:
    paths = [desk.write(f"{name}.json", small(name)) for name in names]
    desk("train", "--spec-file", *paths, "--executor", "local").ok()


@pytest.mark.parametrize("name", ["elo", "simple_lengths"])
def test_it_trains(desk, name):
    train(desk, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_the_others_train(desk, name):
    train(desk, name)


@pytest.mark.slow
def test_chains_train_after_what_they_name(desk):
    train(
        desk,
        "gb_from_another",
        "gb_lengths_from_another",
        "dn_lengths_from_another",
        "dn_frozen",
        "dense_goes_on",
        "dense",
    )
