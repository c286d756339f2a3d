"""Tensors go to disk and back as they are."""

from __future__ import annotations

import numpy as np
import torch

from runner.store.tensors import as_torch, read_tensors, write_tensors


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


def test_types_that_numpy_lacks_come_back_to_the_bit_beside_those_that_it_has(tmp_path):
    given = {
        "half": torch.randn(3, 5, dtype=torch.float32).to(torch.bfloat16),
        "scalar": torch.tensor(1.5, dtype=torch.bfloat16),
        "eighth": torch.ones(4).to(torch.float8_e4m3fn),
        "whole": torch.arange(6, dtype=torch.float32),
        "array": np.arange(3),
    }
    write_tensors(tmp_path / "t.safetensors", given)
    back = read_tensors(tmp_path / "t.safetensors")
    assert isinstance(back["whole"], np.ndarray)
    for name, value in given.items():
        expected, found = as_torch(value), as_torch(back[name])
        assert found.dtype == expected.dtype
        assert torch.equal(found.reshape(-1).view(torch.uint8), expected.reshape(-1).view(torch.uint8))


def test_what_was_read_is_written_again_as_it_was(tmp_path):
    write_tensors(tmp_path / "a.safetensors", {"half": torch.ones(3, dtype=torch.bfloat16), "array": np.arange(3)})
    write_tensors(tmp_path / "b.safetensors", read_tensors(tmp_path / "a.safetensors"))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
