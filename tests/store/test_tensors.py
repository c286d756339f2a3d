"""Tensors go to disk and back as they are."""

from __future__ import annotations

import numpy as np
import torch

from runner.store.tensors import read_tensors, write_tensors


def test_shapes_types_and_values_survive_and_a_scalar_stays_one(tmp_path):
    given = {
        "scalar": np.array(3.5, np.float32),
        "column": np.arange(6.0).reshape(2, 3).T,
        "empty": np.zeros((0, 4), np.int64),
        "flags": np.array([True, False]),
    }
    for name, tensors in (("numpy", given), ("torch", {key: torch.from_numpy(value) for key, value in given.items()})):
        path = tmp_path / f"{name}.safetensors"
        write_tensors(path, tensors)
        back = read_tensors(path)
        assert back.keys() == given.keys()
        for key, value in given.items():
            assert back[key].shape == value.shape
            assert back[key].dtype == value.dtype
            np.testing.assert_array_equal(back[key], value)
