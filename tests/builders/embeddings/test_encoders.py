"""Encoders that are trained: each loss learns, batches share no text, and the library gives the same vectors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.contract import LoadedData, TrainContext
from runner.data.dialogues.row_types import PairRow
from runner.errors import DataError
from runner.spec.kinds import spec_class

THINGS = ("badger", "heron", "tram", "ferry", "violin", "glacier", "orchard", "library", "beehive", "bakery")
PAIRS = [PairRow(at + 1, f"Where is the {name}?", f"The {name} is here.") for at, name in enumerate(THINGS)]
TRIPLETS = [
    PairRow(row.line, row.anchor, row.positive, (f"The {THINGS[at - 1]} eats.",)) for at, row in enumerate(PAIRS)
]
SCORED = [PairRow(row.line, row.anchor, row.positive, score=float(row.line % 2)) for row in PAIRS]
CLASSED = [PairRow(row.line, row.anchor, row.positive, label="yes" if row.line % 2 else "no") for row in PAIRS]
FULL = {
    "base_model_name": "runner/tiny-bert",
    "max_length": 32,
    "optimizer": {"optimizer_type": "adamw", "learning_rate": 1e-3},
}


class Kept:
    """Checkpoints of a training that is not stopped."""

    def save(self, step: int, tensors: Any, state: Any) -> None:
        """Nothing is kept."""

    def latest(self) -> None:
        return None


def trained(folder: Path, cache: Path, rows: list[PairRow], kind: str = "sentence_embedding", **fields: Any) -> Any:
    """What a training in this process leaves, and its predictor."""
    builder = registry.load(kind)
    spec = spec_class(kind).model_validate({"model_type": kind} | FULL | fields, strict=False)
    folder.mkdir(parents=True, exist_ok=True)
    context = TrainContext(
        data=LoadedData(rows, rows[:4], "", {}), epochs=1, batch_size=4, seed=1, device="cpu", print_every=1,
        emit=lambda *_, **__: None, checkpoints=Kept(), stop_requested=lambda: False, artifact=folder, start_from=None,
        cache=cache,
    )  # fmt: skip
    return builder.train(spec, context), builder.Predictor.load(folder, "cpu", cache)


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "rows"),
    [
        ({"loss_type": "multiple_negatives_ranking"}, TRIPLETS),
        ({"loss_type": "cached_multiple_negatives_ranking", "rows_at_once": 2}, PAIRS),
        ({"loss_type": "cosent"}, SCORED),
        ({"loss_type": "angle"}, SCORED),
        ({"loss_type": "cosine_similarity"}, CLASSED),
        ({"loss_type": "softmax"}, CLASSED),
        ({"loss_type": "triplet"}, TRIPLETS),
        ({"loss_type": "online_contrastive"}, CLASSED),
    ],
)
def test_every_loss_trains_and_is_stored(tmp_path, model_cache, loss, rows):
    result, predictor = trained(tmp_path / "m", model_cache, rows, loss=loss)
    assert result.metrics["n_train"] == len(rows) and "agreement" in result.metrics
    assert predictor.encode(["a", "b c"], 2).shape == (2, 64)
    if loss["loss_type"] == "softmax":
        assert predictor.class_odds([("a", "b")], 1).sum() == pytest.approx(1) and predictor.classes == ("no", "yes")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [
        {"matryoshka_dims": [16]},
        {"hard_negatives": {"count": 2}},
        {"prompts": {"anchor": "query: ", "positive": "passage: "}},
        {"pooling": "cls"},
        {"normalize": True},
        {"batches": "any"},
        {"max_length": 4},
        {"finetuning_spec": {"method": "lora", "rank": 4}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_every_field_has_an_effect(tmp_path, model_cache, plain_vectors, fields):
    repeated = [*PAIRS, PairRow(11, PAIRS[0].anchor, PAIRS[1].positive)]
    _, predictor = trained(tmp_path / "m", model_cache, repeated, **fields)
    assert np.abs(predictor.encode(["Where is the tram, and the violin?"], 1) - plain_vectors).max() > 1e-6


@pytest.fixture(scope="module")
def plain_vectors(tmp_path_factory, model_cache) -> np.ndarray:
    repeated = [*PAIRS, PairRow(11, PAIRS[0].anchor, PAIRS[1].positive)]
    _, predictor = trained(tmp_path_factory.mktemp("plain") / "m", model_cache, repeated)
    return predictor.encode(["Where is the tram, and the violin?"], 1)


@pytest.mark.slow
@pytest.mark.parametrize("normalize", [True, False])
def test_a_vector_that_is_cut_has_the_length_1_where_the_whole_has(tmp_path, model_cache, normalize):
    _, predictor = trained(tmp_path / "m", model_cache, PAIRS, normalize=normalize)
    whole, cut = (predictor.encode(["Where is the tram?"], 1, dimensions) for dimensions in (None, 8))
    assert cut.dtype == whole.dtype == np.float32
    first = whole[:, :8]
    np.testing.assert_allclose(cut, first / np.linalg.norm(first) if normalize else first, atol=1e-6)


@pytest.mark.slow
def test_sentence_transformers_gives_the_same_vectors(tmp_path, model_cache):
    text, ours = "Where is the tram?", []
    for at, fields in enumerate([{"normalize": True, "prompts": {"anchor": "query: "}}, {"pooling": "max"}]):
        _, predictor = trained(tmp_path / f"m{at}", model_cache, PAIRS, **fields)
        ours.append(predictor.encode([text, "a tram"], 2))
    code = (
        "import sys, numpy\nfrom sentence_transformers import SentenceTransformer\n"
        "folder, text = sys.argv[1:]\n"
        "for at in range(2):\n"
        "    model = SentenceTransformer(f'{folder}/m{at}', device='cpu')\n"
        "    numpy.save(f'{folder}/v{at}.npy', model.encode([text, 'a tram'], prompt_name='query'))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), text], check=True)
    for at, own in enumerate(ours):
        np.testing.assert_allclose(np.load(tmp_path / f"v{at}.npy"), own, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [PAIRS, SCORED, CLASSED], ids=["pairs", "scores", "classes"])
def test_a_cross_encoder_learns_every_form_and_the_library_scores_alike(tmp_path, model_cache, rows):
    result, predictor = trained(tmp_path / "m", model_cache, rows, "cross_encoder")
    assert "agreement" in result.metrics
    pairs = [("Where is the tram?", "The tram is here."), ("a", "b")]
    scores = predictor.similarities(pairs, 2)
    assert ((scores > 0) & (scores < 1)).all()
    if not predictor.classes:
        from sentence_transformers import CrossEncoder

        found = CrossEncoder(str(tmp_path / "m"), device="cpu").predict(pairs)
        np.testing.assert_allclose(found, scores, atol=2e-6)


def test_no_batch_has_two_rows_that_share_a_text(tmp_path):
    from runner.builders.embeddings._encoding.pair_examples import examples_of, without_shared_texts

    rows = [PairRow(at, f"a{at % 7}", f"b{at % 5}") for at in range(40)]
    found = examples_of(rows, [], 1, tmp_path)
    order, left = without_shared_texts(found, 4, 1)
    seen = []
    for batch in order(np.random.default_rng(3)).reshape(-1, 4):
        kept = [rows[at] for at in batch if at >= 0]
        texts = [text for row in kept for text in (row.anchor, row.positive)]
        assert len(texts) == len(set(texts))
        seen += kept
    assert len(seen) == len(set(map(id, seen))) and len(seen) >= 35 and left <= 5


def test_a_loss_that_rows_do_not_fit_is_refused_by_name(tmp_path, model_cache):
    with pytest.raises(DataError, match="cosent learns from rows of the form pair_score") as refused:
        trained(tmp_path / "m", model_cache, PAIRS, loss={"loss_type": "cosent"})
    assert refused.value.where == "/model/spec/loss/loss_type"
    with pytest.raises(DataError, match="has no effect: the rows are of the form pair_score"):
        trained(tmp_path / "m", model_cache, SCORED, hard_negatives={})
