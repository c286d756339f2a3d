"""What a base has to be, and its processor: turns and pictures as the model reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.pretrained_base import BASE, PretrainedBase
from runner.data.images.picture_places import side_by_side
from runner.errors import DataError
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.training.quiet_libraries import quietly

#: The parts of models of this form, by the kind that config.json names: language, projector, vision tower.
PARTS = {
    "llava": ("model.language_model", "model.multi_modal_projector", "model.vision_tower"),
}
#: Shapes of pictures that tell whether all become inputs of one size.
SHAPES = ((40, 60), (96, 30))


def head_of(spec: Any, kind: str = "llava") -> Head:
    """What is trained of a model: the language side as the spec's method says, other parts whole."""
    language, projector, vision = PARTS[kind]
    beside = [(spec.train_projector, projector), (spec.train_vision_tower, vision)]
    return Head(
        auto="AutoModelForImageTextToText",
        table="MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
        task_type="CAUSAL_LM",
        what="trained to answer about pictures",
        hint="name a model of the form of LLaVA, such as llava-hf/llava-interleave-qwen-0.5b-hf",
        drawn="none",
        part=language,
        trained=tuple(name for wanted, name in beside if wanted),
    )


def check_form(base: PretrainedBase) -> None:
    """Raise :class:`DataError` for a model of pictures and texts that is of another form."""
    kind = base.config.get("model_type")
    if kind not in PARTS:
        raise DataError(
            f"a model of the kind {kind} is not of the form of LLaVA", where=f"{BASE}: {base.folder}",
            hint=f"kinds that are: {', '.join(PARTS)}; such as llava-hf/llava-interleave-qwen-0.5b-hf",
        )  # fmt: skip


class PictureProcessor:
    """A model's own processor, in its form that needs Pillow alone."""

    def __init__(self, processor: Any, config: dict[str, Any], where: str) -> None:
        self.processor, self._where = processor, where
        self.tokenizer = processor.tokenizer
        if self.tokenizer.pad_token_id is None:
            # Behind a mask it is never read; a tokenizer has to have one to make a batch.
            self.tokenizer.pad_token = self.tokenizer.eos_token
        if self.tokenizer.pad_token_id is None:
            raise DataError("the tokenizer has no token that ends a text", where=where)
        self.token_id = int(config.get("image_token_id") or config.get("image_token_index") or -1)
        self.token = str(self.tokenizer.convert_ids_to_tokens(self.token_id)) if self.token_id >= 0 else ""
        if not self.token or self.token != processor.image_token:
            raise DataError(
                "the tokenizer is not the model's: the token of a picture is another one", where=where,
                hint="take processor and weights of one model, whole",
            )  # fmt: skip
        #: Tokens of a picture, and height and width of what the model reads of it.
        self.count, self.size = self._probed()

    @classmethod
    def of_folder(cls, folder: Path, config: dict[str, Any], where: str) -> PictureProcessor:
        """The processor of a model's folder. Raises :class:`DataError` for a folder without one."""
        from transformers import AutoProcessor

        try:
            with quietly():
                processor = AutoProcessor.from_pretrained(
                    folder, backend="pil", local_files_only=True, trust_remote_code=False
                )
        except (OSError, ValueError, ImportError, TypeError, KeyError, AttributeError) as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise DataError(
                f"its processor cannot be read: {told}", where=where,
                hint="the files of tokenizer and image processor lie beside the weights",
            ) from error  # fmt: skip
        if not hasattr(processor, "image_processor") or not hasattr(processor, "image_token"):
            raise DataError("the folder has no processor of pictures and texts", where=where)
        # A tokenizer that is read as all others are; an older folder keeps the template beside the processor.
        processor.tokenizer = read_tokenizer(folder, where)
        if not processor.tokenizer.chat_template:
            processor.tokenizer.chat_template = processor.chat_template
        return cls(processor, config, where)

    def pixels(self, pictures: Sequence[Any]) -> torch.Tensor:
        """``pixel_values`` of pictures that can be decoded: float32 ``[n, 3, height, width]``."""
        arrays = side_by_side(lambda at: self._read(pictures[at].decoded()), range(len(pictures)))
        return torch.from_numpy(np.stack(list(arrays)))

    def with_pictures(self, ids: Sequence[int]) -> list[int]:
        """Token ids with as many tokens for each picture as the model makes of it."""
        return [token for one in ids for token in ([one] * self.count if one == self.token_id else [one])]

    def save_pretrained(self, folder: Path) -> None:
        """Write it, as the library does."""
        with quietly():
            self.processor.save_pretrained(folder)

    def check(self, model: Any) -> None:
        """Raise :class:`DataError` where the model makes another number of tokens of a picture."""
        from PIL import Image

        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        pixels = torch.from_numpy(self._read(Image.new("RGB", SHAPES[0]))[None]).to(plain.device)
        with torch.no_grad():
            found = plain.get_image_features(pixel_values=pixels)
        found = getattr(found, "pooler_output", found)
        features = found[0] if isinstance(found, list | tuple) else found
        made = int(features.reshape(-1, features.shape[-1]).shape[0])
        if made != self.count:
            raise DataError(
                f"its processor writes {self.count:,} tokens for a picture, and the model makes {made:,} of it",
                where=self._where, hint="processor_config.json: patch_size, vision_feature_select_strategy",
            )  # fmt: skip

    def _read(self, image: Any) -> np.ndarray:
        found = self.processor.image_processor(images=image, return_tensors="np")["pixel_values"]
        return np.ascontiguousarray(found[0], np.float32)

    def _probed(self) -> tuple[int, tuple[int, int]]:
        """The tokens that pictures of several shapes come to. Raises :class:`DataError` where they come to several."""
        from PIL import Image

        shapes, counts = set(), set()
        for shape in SHAPES:
            image = Image.new("RGB", shape)
            try:
                shapes.add(self._read(image).shape)
                made = self.processor(text=[self.token], images=[[image]])["input_ids"][0]
            except (ValueError, TypeError, KeyError, AttributeError, IndexError, OSError) as error:
                raise DataError(
                    f"its processor makes no input of a picture: {str(error)[:200]}", where=self._where
                ) from error
            counts.add(sum(token == self.token_id for token in made))
        if len(shapes) > 1 or len(counts) > 1 or len(next(iter(shapes))) != 3 or counts == {0}:
            raise DataError(
                "its processor makes inputs of many sizes: only models that read one size are trained",
                where=self._where, hint="such as llava-hf/llava-interleave-qwen-0.5b-hf, or llava-hf/llava-1.5-7b-hf",
            )  # fmt: skip
        _, height, width = shapes.pop()
        return counts.pop(), (height, width)
