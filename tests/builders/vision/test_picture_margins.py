"""Real pictures: a tiny model that begins with nothing beats what knows no picture, by a margin stated beforehand."""

import json

import numpy as np
import pytest
from PIL import Image

CLASSES, NUMBERS = "image_classification", "image_regression"


@pytest.fixture
def digits(tmp_path):
    """Scikit-learn's 1,797 written digits, 8x8 pixels, as PNGs and a table with the digit and its ink."""
    from sklearn.datasets import load_digits

    found, rows = load_digits(), []
    (tmp_path / "digits").mkdir()
    for at, (pixels, digit) in enumerate(zip(found.images, found.target, strict=True)):
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(tmp_path / "digits" / f"{at}.png")
        rows.append({"image": f"{at}.png", "label": int(digit), "ink": float(pixels.sum())})
    (tmp_path / "digits" / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "digits"


@pytest.mark.slow
def test_digits_are_told_apart(studio, digits):
    data = {"dataset": str(digits), "max_samples": 1200}
    fields = {"augmentation": {"flip": 0.0, "crop_scale": 0.7}, "epochs": 12, "batch_size": 32}
    result, _ = studio.train(CLASSES, data, **fields)
    # Chance is 0.1; the mean picture of each digit finds about 0.9.
    assert result.metrics["accuracy"] > 0.7
    assert result.tables["confusion"]["plot"] == "matrix"


@pytest.mark.slow
def test_the_ink_of_digits_is_measured(studio, digits):
    data = {"dataset": str(digits), "max_samples": 600, "columns": {"target": "ink"}}
    result, _ = studio.train(NUMBERS, data, epochs=6, batch_size=32)
    assert result.metrics["r2"] > 0.7


@pytest.mark.slow
def test_cells_in_a_drop_of_blood_are_counted(studio, shared_data):
    data = {"dataset": str(shared_data / "detect_bccd" / "index.jsonl"), "columns": {"target": "count_rbc"}}
    data |= {"max_samples": None, "validation_split": 0.25}
    result, _ = studio.train(NUMBERS, data, epochs=20, batch_size=6)
    mean = next(row for row in result.tables["baselines"]["rows"] if row[0] == "mean")
    names = result.tables["baselines"]["columns"]
    assert result.metrics["rmse"] < 0.95 * mean[names.index("rmse")]


@pytest.mark.slow
def test_flowers_are_told_apart_better_than_by_their_frequencies(studio, shared_data):
    data = {"dataset": str(shared_data / "classify_flowers"), "max_samples": None, "validation_split": 0.25}
    result, _ = studio.train(CLASSES, data, epochs=15, batch_size=16)
    # Five kinds, as many of each: 0.2 is chance.
    assert result.metrics["accuracy"] > 0.3
