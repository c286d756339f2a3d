"""Two desks with a stored model each: one that scores in an instant, one that reads the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ROOT, Desk

ELO, NETWORK = "elo_scoring/elo", "dense_network/dense-network-example"


def trained(kind: str, factory: pytest.TempPathFactory, **changes: Any) -> Desk:
    desk = Desk(factory.mktemp(kind))
    spec = json.loads((ROOT / "specs" / f"{kind}.json").read_text()) | changes
    desk("train", "--spec-file", desk.write("spec.json", spec), "--executor", "local").ok()
    return desk


@pytest.fixture(scope="session")
def elo(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return trained("elo_scoring", tmp_path_factory)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return trained("dense_network", tmp_path_factory, epochs=1, data={"dataset": "sample", "max_samples": 100})
