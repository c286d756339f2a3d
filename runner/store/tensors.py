"""Tensors on disk: safetensors, from numpy or torch, and nothing that runs code when it is read."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import IntegrityError

#: The types of safetensors that numpy has.
NUMPY = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL", "C64"}


def write_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write arrays by name. numpy arrays and torch tensors may be mixed; views are made contiguous.

    Goes through torch where a tensor is torch's, through numpy elsewhere.
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

        save_torch(_apart({name: as_torch(tensor).detach().cpu() for name, tensor in tensors.items()}), path)
        return
    from safetensors.numpy import save_file

    save_file({name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}, path)


def _apart(tensors: dict[str, Any]) -> dict[str, Any]:
    """Torch tensors none of which shares memory with another, as tied weights do: the library refuses such.

    Only those are copied: a checkpoint would else take twice the memory of what it holds.
    """
    found, seen = {}, set()
    for name, tensor in tensors.items():
        own = tensor.contiguous()
        at = own.untyped_storage().data_ptr()
        found[name] = own.clone() if at in seen or own.untyped_storage().nbytes() != own.nbytes else own
        seen.add(at)
    return found


def read_tensors(path: Path) -> dict[str, Any]:
    """numpy arrays by name; what numpy has no type for (bfloat16, the 8-bit floats) comes as torch tensors, which
    :func:`as_torch` takes alike.

    Raises :class:`IntegrityError` for a file that is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load_file

    try:
        with safe_open(path, "numpy") as file:
            kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - no mapping
            foreign = [name for name, kind in kinds.items() if kind not in NUMPY]
            if foreign:
                own = {name: file.get_tensor(name) for name in kinds if name not in foreign}
        if not foreign:
            return load_file(path)
        with safe_open(path, "pt") as file:
            return own | {name: file.get_tensor(name) for name in foreign}
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(f"not a safetensors file: {error}", where=str(path)) from error


def as_torch(value: Any) -> Any:
    """A torch tensor of a tensor, or of a numpy array, which is copied: what was read from a file cannot be written."""
    import numpy as np
    import torch

    return value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
