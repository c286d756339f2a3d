"""A model's own image processor, in its form that needs Pillow alone, brought to one size and one way of fitting.

What is stored with the model is this processor: the library's own ``from_pretrained`` makes the same input.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.errors import DataError
from runner.training.quiet_libraries import quietly


class Processing:
    """Pictures in, arrays out."""

    def __init__(self, processor: Any, where: str = "") -> None:
        self.processor, self._where = processor, where
        #: Height and width of the input.
        self.size = self._probed()

    @classmethod
    def of_base(cls, folder: Path, fit: str, where: str) -> Processing:
        """The processor of a pretrained model, which from now on fits pictures as ``fit`` says.

        Raises :class:`DataError` for a folder without one, and for one that makes inputs of many sizes.
        """
        processor = _read(folder, where)
        height, width = wanted_size(processor)
        if height:
            plain = {"do_resize": True, "size": {"height": height, "width": width}, "do_center_crop": False}
            cut = plain | {"size": {"shortest_edge": max(height, width)}, "do_center_crop": True}
            for name, value in (plain | {"crop_size": None} if fit == "squash" else cut).items():
                setattr(processor, name, _sized(processor, name, value))
            if fit == "crop":
                processor.crop_size = _sized(processor, "crop_size", {"height": height, "width": width})
            if hasattr(processor, "crop_pct"):
                # It would resize small sizes to more than asked, by a rule of its own.
                processor.crop_pct = 1.0
        return cls(processor, where)

    @classmethod
    def stored(cls, folder: Path) -> Processing:
        """The processor of a stored model."""
        return cls(_read(folder, str(folder)), str(folder))

    def inputs(self, images: Sequence[Any], *, sized: bool = False) -> np.ndarray:
        """Pictures of mode RGB as float32 ``[n, 3, height, width]``; those that are ``sized`` are not resized again."""
        words = {"do_resize": False, "do_center_crop": False} if sized else {}
        found = self.processor(images=list(images), return_tensors="np", **words)["pixel_values"]
        return np.ascontiguousarray(found, np.float32)

    @property
    def resample(self) -> int:
        """How pixels are made of others: Pillow's number."""
        return int(getattr(self.processor, "resample", None) or 2)

    def save_pretrained(self, folder: Path) -> None:
        """Write it, as the library does."""
        with quietly():
            self.processor.save_pretrained(folder)

    def _probed(self) -> tuple[int, int]:
        """The size that pictures of several shapes come to. Raises :class:`DataError` where they come to several."""
        from PIL import Image

        found = set()
        for shape in ((40, 60), (96, 30)):
            try:
                made = self.processor(images=Image.new("RGB", shape), return_tensors="np")["pixel_values"]
            except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
                raise DataError(
                    f"its image processor makes no input of a picture: {str(error)[:200]}", where=self._where,
                    hint="name a model whose preprocessor_config.json gives one size",
                ) from error  # fmt: skip
            found.add(tuple(np.shape(made)[1:]))
        if len(found) > 1 or len(next(iter(found))) != 3:
            raise DataError(
                "its image processor makes inputs of many sizes: it cannot be read batch by batch", where=self._where,
                hint="name a model whose preprocessor_config.json gives one size",
            )  # fmt: skip
        _, height, width = next(iter(found))
        return height, width


def wanted_size(processor: Any) -> tuple[int, int]:
    """Height and width of the part that a processor cuts out, else of what it resizes to; zeros where it says none."""
    crops = getattr(processor, "do_center_crop", False) and getattr(processor, "crop_size", None)
    size = crops or getattr(processor, "size", None) or {}
    value = size.get if isinstance(size, dict) else lambda name: getattr(size, name, None)
    height, width = value("height"), value("width")
    if height and width:
        return int(height), int(width)
    edge = value("shortest_edge") or value("longest_edge") or 0
    return int(edge), int(edge)


def _read(folder: Path, where: str) -> Any:
    from transformers import AutoImageProcessor

    if not (folder / "preprocessor_config.json").exists() and not (folder / "processor_config.json").exists():
        raise DataError(
            "the folder has no image processor: preprocessor_config.json is missing", where=where,
            hint="take it from where the model comes from",
        )  # fmt: skip
    try:
        with quietly():
            return AutoImageProcessor.from_pretrained(
                folder, backend="pil", local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, ImportError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"its image processor cannot be read: {' '.join(str(error).split())[:200]}", where=where,
            hint="take preprocessor_config.json from where the model comes from",
        ) from error  # fmt: skip


def _sized(processor: Any, name: str, value: Any) -> Any:
    """A size in the form that the library's processors keep one."""
    if isinstance(value, dict):
        from transformers.image_utils import SizeDict

        return SizeDict(**value)
    return value
