"""Tensors on disk: safetensors, from numpy or torch, and nothing that runs code when it is read."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import IntegrityError


def write_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write arrays by name. numpy arrays and torch tensors may be mixed; views are made contiguous.

    Goes through torch where torch is loaded already (bfloat16 has no numpy type), through numpy elsewhere.
    """
    import numpy as np
    from safetensors import SafetensorError

    try:
        _write(path, tensors, np)
    except SafetensorError as error:
        # The library turns the system's error into one of its own, and its number into words.
        number = errno.ENOSPC if "No space left" in str(error) else errno.EIO
        raise OSError(number, str(error), str(path)) from error


def _write(path: Path, tensors: Mapping[str, Any], np: Any) -> None:
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
        from safetensors.torch import save_file as save_torch

        save_torch(
            {
                name: (
                    tensor.detach().cpu() if isinstance(tensor, torch.Tensor) else torch.from_numpy(np.array(tensor))
                )
                .contiguous()
                .clone()
                for name, tensor in tensors.items()
            },
            path,
        )
        return
    from safetensors.numpy import save_file

    save_file({name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}, path)


def read_tensors(path: Path) -> dict[str, Any]:
    """numpy arrays by name. Raises :class:`IntegrityError` for a file that is no safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(f"not a safetensors file: {error}", where=str(path)) from error
