"""Batches of pictures: few calls of the processor, and few large pictures at a time."""

import os

import numpy as np
import pytest
from PIL import Image

from runner.builders.vision._pixels.picture_batches import FEW_PIXELS, PIXELS, TOGETHER, as_inputs
from runner.builders.vision._pixels.processing import Processing
from runner.training import made_models


class Counted:
    """A processor that says how many pictures each call brought, and makes one number of each."""

    def __init__(self):
        self.calls = []

    def inputs(self, images, *, sized=False):
        self.calls.append(len(images))
        return np.array([image.getpixel((0, 0))[0] for image in images], np.float32).reshape(-1, 1, 1, 1)


def batch(side, count):
    processing = Counted()
    found = as_inputs(lambda at: Image.new("RGB", (side, side), (at, 0, 0)), count, processing)["pixel_values"]
    return processing.calls, found.flatten().tolist()


@pytest.mark.parametrize("count", [1, 15, 64])
def test_small_pictures_go_to_the_processor_together(count, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    calls, found = batch(8, count)
    assert found == list(range(count))
    assert len(calls) == -(-count // TOGETHER)


def test_pictures_of_some_size_are_shared_among_threads(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    side = int((FEW_PIXELS / 15) ** 0.5) + 1
    calls, found = batch(side, 15)
    assert (sorted(calls), found) == ([7, 8], list(range(15)))


def test_large_pictures_are_not_held_beside_each_other(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    side = int(PIXELS**0.5) + 1
    calls, found = batch(side, 3)
    assert (calls, found) == ([1, 1, 1], [0, 1, 2])


def test_a_picture_is_the_same_beside_others(tmp_path):
    folder = made_models.made("runner/tiny-vit", tmp_path)
    processing = Processing.of_base(folder, "squash", "")
    rng = np.random.default_rng(3)
    images = [Image.fromarray(rng.integers(0, 256, (9 + at, 20, 3)).astype(np.uint8)) for at in range(5)]
    alone = np.concatenate([processing.inputs([image]) for image in images])
    assert np.array_equal(as_inputs(lambda at: images[at], 5, processing)["pixel_values"].numpy(), alone)
