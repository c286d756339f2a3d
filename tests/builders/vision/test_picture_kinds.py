"""Kinds that learn from pictures: every field changes something, and a stored model is what was measured."""

import json

import numpy as np
import pytest
from PIL import Image

from runner.errors import DataError, Stopped
from runner.training import made_models

CLASSES, NUMBERS = "image_classification", "image_regression"
#: Field -> another value: what is learned differs, of the kinds that have it.
EFFECTS = [
    (CLASSES, {"augmentation": None}),
    (CLASSES, {"augmentation": {"crop_scale": None}}),
    (CLASSES, {"augmentation": {"flip": 0.0}}),
    (CLASSES, {"augmentation": {"colour": 0.4}}),
    (CLASSES, {"label_smoothing": 0.2}),
    (CLASSES, {"class_weights": {"circle": 5.0}}),
    (CLASSES, {"seed": 7}),
    # Pictures are changed by the same code, whatever is learned of them.
    pytest.param(NUMBERS, {"augmentation": None}, marks=pytest.mark.slow),
    pytest.param(NUMBERS, {"augmentation": {"flip": 1.0}}, marks=pytest.mark.slow),
    pytest.param(NUMBERS, {"augmentation": {"colour": 0.4}}, marks=pytest.mark.slow),
    (NUMBERS, {"loss": "absolute"}),
    (NUMBERS, {"loss": "huber"}),
    (NUMBERS, {"target_scaling": "none"}),
]
WIDE = {"dataset": "wide"}


def folder_of(path, count=4):
    """Wide pictures of two classes, which are told apart by their edges alone."""
    rng = np.random.default_rng(3)
    for label in ("left", "right"):
        (path / label).mkdir(parents=True)
        for at in range(count):
            pixels = rng.integers(0, 90, (12, 48, 3), dtype=np.uint8)
            pixels[:, :8] += np.uint8(150) if label == "left" else np.uint8(0)
            Image.fromarray(pixels).save(path / label / f"{at}.png")
    return path


@pytest.fixture(scope="module")
def found():
    """What :func:`base_weights` has made so far."""
    return {}


@pytest.fixture
def base_weights(studio, weights, found):
    """The weights of a plain training, by kind: made once, by the first test that asks for them."""

    def of(kind):
        if kind not in found:
            found[kind] = weights(studio.train(kind, epochs=1)[1])
        return found[kind]

    return of


@pytest.mark.parametrize(
    ("kind", "fields"), EFFECTS, ids=lambda value: json.dumps(value) if isinstance(value, dict) else value
)
@pytest.mark.slow
@pytest.mark.warm
def test_a_field_changes_what_is_learned(studio, weights, base_weights, kind, fields):
    changed, plain = weights(studio.train(kind, epochs=1, **fields)[1]), base_weights(kind)
    assert any(not np.array_equal(changed[name], plain[name]) for name in plain)


def test_the_same_spec_learns_the_same(studio, weights, base_weights):
    again, plain = weights(studio.train(CLASSES, epochs=1)[1]), base_weights(CLASSES)
    assert all(np.array_equal(again[name], plain[name]) for name in plain)


def test_balanced_classes_weigh_by_their_inverse_frequency(studio, weights, tmp_path):
    data = {"dataset": str(folder_of(tmp_path / "d")), "validation_split": 0}
    (tmp_path / "d" / "left" / "0.png").unlink()
    plain, balanced, said = (
        weights(studio.train(CLASSES, data, epochs=1, class_weights=each)[1])
        for each in ("none", "balanced", {"left": 7 / 6, "right": 7 / 8})
    )
    assert any(not np.array_equal(plain[name], balanced[name]) for name in plain)
    assert all(np.allclose(said[name], balanced[name], atol=1e-6) for name in plain)
    with pytest.raises(DataError, match="there is no class 'up' in training"):
        studio.train(CLASSES, data, class_weights={"up": 2.0})


@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_how_a_picture_is_fitted_is_stored_and_decides_what_is_seen(studio, tmp_path, fit):
    from transformers import AutoImageProcessor

    folder = folder_of(tmp_path / "d", 1)
    _, artifact = studio.train(CLASSES, {"dataset": str(folder), "validation_split": 0}, fit=fit, epochs=1)
    processor = AutoImageProcessor.from_pretrained(artifact, backend="pil")
    seen = np.asarray(processor(Image.open(folder / "left" / "0.png"), return_tensors="np")["pixel_values"])[0]
    assert seen.shape == (3, 32, 32)
    # The bright edge is a sixth of the picture: squashed it is there, and cut away it is not.
    assert (seen[:, :, :3].mean() > 0) == (fit == "squash")


def test_a_stopped_training_goes_on_to_the_same_weights(studio, weights):
    whole = weights(studio.train(CLASSES, run="whole", epochs=2)[1])
    asked = iter([False] * 4)

    def stop():
        return next(asked, True)

    with pytest.raises(Stopped):
        studio.train(CLASSES, run="cut", epochs=2, stop_requested=stop)
    resumed = weights(studio.train(CLASSES, run="cut", epochs=2)[1])
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.parametrize("kind", [CLASSES, NUMBERS])
def test_a_stored_model_answers_as_its_own_library_does(studio, tmp_path, kind):
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    _, artifact = studio.train(kind, epochs=1)
    folder = folder_of(tmp_path / "d", 2)
    answers = studio.answers(kind, artifact, folder)
    model = AutoModelForImageClassification.from_pretrained(artifact)
    processor = AutoImageProcessor.from_pretrained(artifact, backend="pil")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    images = [Image.open(folder / name).convert("RGB") for name in names]
    with torch.no_grad():
        logits = model(**processor(images, return_tensors="pt")).logits
    if kind == CLASSES:
        np.testing.assert_allclose(answers, logits.double().softmax(1).numpy(), atol=1e-5)
        assert [model.config.id2label[at] for at in range(3)] == ["circle", "square", "triangle"]
    else:
        document = json.loads((artifact / "finetuned_model.json").read_text())
        expected = logits[:, 0].double().numpy() * document["deviation"] + document["mean"]
        np.testing.assert_allclose(answers, expected, atol=1e-5)


@pytest.mark.parametrize(
    "method",
    [
        "lora",
        "last_layers",
        "bitfit",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("dora", "rslora", "ia3")),
    ],
)
def test_other_methods_train_the_head_and_little_else(studio, weights, tmp_path, method):
    own = {"last_layers": {"num_layers": 1}, "ia3": {"target_modules": ["k_proj", "v_proj"]}}
    spec = {"method": method} | own.get(method, {})
    result, artifact = studio.train(CLASSES, finetuning_spec=spec, epochs=1)
    base = weights(made_models.made("runner/tiny-vit", studio._cache))
    kept = [
        name for name, value in weights(artifact).items() if np.array_equal(base.get(name.removeprefix("vit.")), value)
    ]
    assert any("embeddings.patch" in name for name in kept)
    assert result.metrics["n_validation"] == 6
    if method == "lora":
        _, adapter = studio.train(CLASSES, finetuning_spec=spec, save_as="adapter", epochs=1)
        folder = folder_of(tmp_path / "d", 2)
        apart, merged = (studio.answers(CLASSES, each, folder) for each in (adapter, artifact))
        np.testing.assert_allclose(apart, merged, atol=1e-5)


def test_the_worst_pictures_are_shown_small(studio):
    from runner.contract import Table
    from runner.pages.table_columns import PICTURE
    from runner.pages.table_page import as_html
    from runner.pages.table_text import as_text

    table = Table.read(studio.train(NUMBERS, epochs=1)[0].tables["worst_pictures"])
    assert list(table.columns) == ["picture", "name", "true", "predicted", "error"]
    errors = [abs(row[4]) for row in table.rows]
    assert errors == sorted(errors, reverse=True)
    assert all(PICTURE.fullmatch(row[0]) for row in table.rows)
    assert as_html(table).count('<img src="data:image/jpeg;base64,') == len(table.rows)
    assert "data:" not in as_text(table)


def test_a_base_that_reads_no_pictures_is_refused(studio):
    with pytest.raises(DataError, match="a model of the kind llama cannot be trained on pictures"):
        studio.train(CLASSES, base_model_name="runner/tiny-llama")


def test_numbers_that_are_all_one_teach_nothing(studio, tmp_path):
    folder = folder_of(tmp_path / "d", 2)
    rows = [{"image": str(path.relative_to(folder)), "target": 2} for path in sorted(folder.rglob("*.png"))]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match="every picture of training has the number 2"):
        studio.train(NUMBERS, {"dataset": str(folder)})
