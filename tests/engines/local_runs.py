"""Runs of a few bytes, as a worker would have left them."""

from __future__ import annotations

from pathlib import Path

from runner.store.files import sha256_file, write_json


def checkpoint(run: Path, step: int, stage: str = "") -> Path:
    """A checkpoint's folder, whole."""
    folder = run / "checkpoints" / stage / f"{step:010d}"
    folder.mkdir(parents=True)
    (folder / "tensors.safetensors").write_bytes(b"step %d" % step)
    write_json(folder / "state.json", {"step": step})
    write_json(
        folder / "sha256.json", {name: sha256_file(folder / name) for name in ("tensors.safetensors", "state.json")}
    )
    return folder
