"""The LLMs on a plane: the same map of the same vectors, and the LLMs that are alike."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._llms.llm_map import llm_map, principal_plane
from runner.contract import Table
from tests.builders.neural_cases import NAMES, encoder, preferences

__all__ = ["encoder"]

EMBEDDED = {"embedding_model_epochs": 0, "min_model_comparisons": 1}
#: Kinds with vectors of the LLMs, and what makes them small.
SMALL: dict[str, dict[str, Any]] = {
    "dense_network": {"hidden_dims": [8], "model_id_embedding_dim": 4},
    "matrix_factorization": {
        "embedding_dim": 12,
        "optimizer": {"optimizer_type": "adam", "learning_rate": 0.02},
    },
    "dn_embedding": {"hidden_dims": [8], "input_proj_dim": 8} | EMBEDDED,
    "gradient_boosting": {"max_depth": 2} | EMBEDDED,
}


def table_of(names: Any, vectors: np.ndarray) -> Table:
    table = Table.read(llm_map(names, vectors)["llm_map"])
    assert table is not None
    return table


@pytest.mark.parametrize("kind", SMALL)
def test_kinds_with_vectors_of_the_llms_map_them(kind: str, encoder, context_for) -> None:
    loaded = registry.load(kind)
    document = {"model_type": kind, "embedding_model_name": str(encoder)} | SMALL[kind]
    if "min_model_comparisons" in document:
        document["embedding_spec"] = {
            "embedding_type": "frozen",
            "encoder_model_name": str(encoder),
            "hidden_dims": [16, 8],
        }
    result = loaded.train(loaded.Spec.model_validate_json(json.dumps(document)), context_for(preferences(), epochs=6))
    table = Table.read(result.tables["llm_map"])
    assert table is not None and table.plot == "map"
    assert {row[0] for row in table.rows} == set(NAMES)
    if kind != "matrix_factorization":
        return
    # It learns what each LLM is good at, so those of one kind are nearest.
    nearest = {row[0]: row[table.columns.index("nearest")] for row in table.rows}
    assert all(name.split("-")[0] == other.split("-")[0] for name, other in nearest.items())


def test_coordinates_are_those_of_the_covariance_and_have_their_sign_from_the_farthest() -> None:
    vectors = np.random.default_rng(1).normal(size=(20, 7)) * np.arange(1, 8)
    plane, shares = principal_plane(vectors)
    values, axes = np.linalg.eigh(np.cov(vectors.T))
    assert shares == pytest.approx(tuple(values[:-3:-1] / values.sum()))
    np.testing.assert_allclose(np.abs(plane), np.abs((vectors - vectors.mean(0)) @ axes[:, :-3:-1]), atol=1e-9)
    assert (plane[np.abs(plane).argmax(axis=0), [0, 1]] > 0).all()
    turned = np.linalg.qr(np.random.default_rng(2).normal(size=(7, 7)))[0]
    np.testing.assert_allclose(principal_plane(vectors @ turned)[0], plane, atol=1e-9)


def test_what_has_no_spread_has_no_direction() -> None:
    plane, shares = principal_plane(np.ones((4, 3)))
    assert plane.tolist() == [[0.0, 0.0]] * 4 and shares == (0.0, 0.0)
    plane, shares = principal_plane(np.outer([0.0, 1.0, 3.0], [1.0, 2.0]))
    assert plane[:, 1].tolist() == [0.0, 0.0, 0.0] and shares[0] == pytest.approx(1)


def test_neighbours_are_told_by_cosine_as_many_as_there_are() -> None:
    table = table_of(("east", "far east", "north"), np.array([[1.0, 0.0], [9.0, 1.0], [0.0, 2.0]]))
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert "third" not in table.columns
    assert rows["east"]["nearest"] == "far east"
    assert rows["east"]["nearest cosine"] == pytest.approx(9 / np.hypot(9, 1))
    assert rows["north"]["second"] == "east"
    assert llm_map(("alone",), np.ones((1, 3))) == {}
