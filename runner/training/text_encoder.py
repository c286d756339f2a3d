"""A pretrained transformer that reads texts and trains as a fine-tuning spec says.

Its artifact is one folder: the pretrained encoder's own files, ``finetuning.json``, and ``trained.safetensors`` with
what was trained and nothing else; under ``full`` the encoder's weights are the trained ones. Under ``qlora`` the
pretrained weights are stored as they were and quantised again when they are loaded, to the same bits each time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253
from pydantic import TypeAdapter, ValidationError
from torch import nn  # noqa: TID253

from runner.errors import DataError, IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.training import finetuning_methods, quantised, sentence_encoder
from runner.training.finetuning_specs import FinetuningSpec, Full, QLora
from runner.training.precision import Precision, arithmetic
from runner.training.quiet_libraries import quietly
from runner.training.sentence_encoder_settings import STORED, Settings, model_files
from runner.training.tokens import Tokens

DOCUMENT, TRAINED = "finetuning.json", "trained.safetensors"
_SPEC: TypeAdapter[FinetuningSpec] = TypeAdapter(FinetuningSpec)


class TrainableEncoder(nn.Module):
    """The transformer, its tokenizer, and how token vectors become a text's."""

    def __init__(
        self, model: Any, tokenizer: Any, settings: Settings, spec: FinetuningSpec, max_length: int, folder: Path
    ) -> None:
        super().__init__()
        self.model = model
        self.settings, self.spec, self.max_length = settings, spec, max_length
        self._tokenizer, self._folder = tokenizer, folder
        #: What training computes in; evaluation computes in float32.
        self.precision: Precision = "auto"
        self._four_bit = quantised.layers(model) if isinstance(spec, QLora) else []
        self._compute = [layer.compute_dtype for layer in self._four_bit]

    @classmethod
    def load(
        cls,
        folder: Path,
        spec: FinetuningSpec,
        device: str,
        max_length: int,
        *,
        where: str = "/model/spec",
        emit: Callable[..., None] = lambda *_, **__: None,
    ) -> TrainableEncoder:
        """A pretrained encoder's folder (see :class:`~runner.training.sentence_encoder.Encoder`), ready to train.

        New adapters are drawn from torch's generator: seed it. ``where`` is the pointer of the object that holds
        ``finetuning_spec`` and ``max_length``; a :class:`DataError` with such a pointer says what the model cannot do.
        Raises :class:`EnvironmentProblem` where ``qlora`` lacks its library.
        """
        settings = Settings.read(folder)
        longest = _longest(folder)
        if max_length > longest:
            raise DataError(
                f"the model reads at most {longest} tokens",
                where=f"{where}/max_length",
                hint=f"at most {longest}",
            )
        model, tokenizer = _pretrained(folder, spec, device, f"{where}/finetuning_spec", emit)
        finetuning_methods.apply(model, spec, f"{where}/finetuning_spec")
        return cls(model.to(device), tokenizer, settings, spec, max_length, folder).eval()

    @classmethod
    def stored(
        cls, folder: Path, device: str = "cpu", emit: Callable[..., None] = lambda *_, **__: None
    ) -> TrainableEncoder:
        """What :meth:`save` wrote, from that folder alone. Raises :class:`IntegrityError` for anything else."""
        try:
            document = json.loads((folder / DOCUMENT).read_text("utf-8"))
            spec = _SPEC.validate_json(json.dumps(document["finetuning_spec"]))
            self = cls.load(folder, spec, device, int(document["max_length"]), emit=emit)
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise IntegrityError(f"not a fine-tuned encoder: {error}", where=str(folder)) from error
        if not isinstance(spec, Full):
            self.load_trained(read_tensors(folder / TRAINED), folder / TRAINED)
        return self

    def save(self, folder: Path) -> None:
        """Write what :meth:`stored` reads, alone."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.spec, Full):
            for path in model_files(self._folder):
                if not path.name.endswith((".safetensors", ".safetensors.index.json")):
                    shutil.copyfile(path, folder / path.name)
            self.settings.write(folder / STORED)
            write_tensors(folder / "model.safetensors", self.model.state_dict())
        else:
            sentence_encoder.copy(self._folder, folder)
            write_tensors(folder / TRAINED, self.trained())
        document = {
            "format": 1,
            "finetuning_spec": self.spec.model_dump(mode="json"),
            "max_length": self.max_length,
        }
        (folder / DOCUMENT).write_text(json.dumps(document, indent=1) + "\n", "utf-8")

    @property
    def width(self) -> int:
        """The length of a text's vector."""
        return self.settings.width

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def train(self, mode: bool = True) -> TrainableEncoder:
        """Training or evaluation, where 4-bit layers compute in float32: see :mod:`runner.training.quantised`."""
        super().train(mode)
        for layer, compute in zip(self._four_bit, self._compute, strict=True):
            layer.compute_dtype = compute if mode else torch.float32
        return self

    def trained(self) -> dict[str, torch.Tensor]:
        """What trains, by its name in the transformer."""
        return finetuning_methods.trained(self.model)

    def load_trained(self, tensors: dict[str, Any], where: Path) -> None:
        """Put trained values in place. Raises :class:`IntegrityError` where they are not those of this transformer."""
        mine = self.trained()
        fitting = {n: torch.as_tensor(value) for n, value in tensors.items() if n in mine}
        if fitting.keys() != mine.keys() or any(fitting[n].shape != mine[n].shape for n in mine):
            raise IntegrityError("the trained parameters are not those of this encoder", where=str(where))
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.copy_(fitting[name])

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """The texts' tokens, cut at ``max_length``. Half a character (a lone surrogate) is read as a question mark."""
        ready = [self.settings.prompt + text.encode("utf-8", "replace").decode() for text in texts]
        if self.settings.lower_case:
            ready = [text.lower() for text in ready]
        if not ready:
            return Tokens.of([])
        read = self._tokenizer(
            ready,
            truncation=True,
            max_length=self.max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        # A tokenizer without special tokens makes nothing of an empty text, and a transformer needs something to read.
        return Tokens.of([ids or [self.padding] for ids in read["input_ids"]])

    @property
    def padding(self) -> int:
        """The token that fills up a batch; what it is does not matter behind a mask."""
        return int(self._tokenizer.pad_token_id or 0)

    def batch(self, tokens: Tokens, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask of the texts ``rows`` on the encoder's device, int64 ``[B, T]`` twice."""
        ids, mask = (torch.from_numpy(part) for part in tokens.padded(rows, self.padding))
        if self.device.type == "cuda":
            ids, mask = ids.pin_memory(), mask.pin_memory()
        return ids.to(self.device, non_blocking=True), mask.to(self.device, non_blocking=True)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """int64 ``[B, T]`` twice -> float32 ``[B, width]``. Only training takes another arithmetic than float32."""
        with arithmetic(ids.device.type, self.precision) if self.training else arithmetic("cpu"):
            tokens = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        vectors = sentence_encoder.pool(tokens.float(), mask, self.settings.pooling)
        return nn.functional.normalize(vectors, dim=1) if self.settings.normalize else vectors

    def encode_tokens(self, tokens: Tokens, batch_size: int = 32) -> torch.Tensor:
        """Vectors of all texts without a gradient or dropout, float32 ``[len(tokens), width]`` on the device.

        Batches are made by length, so that little is padded.
        """
        was = self.training
        self.eval()
        vectors = torch.zeros(len(tokens), self.width, device=self.device)
        order = np.argsort(-tokens.lengths, kind="stable")
        with torch.no_grad():
            for at in range(0, len(order), batch_size):
                rows = order[at : at + batch_size]
                vectors[torch.from_numpy(rows).to(self.device)] = self(*self.batch(tokens, rows))
        self.train(was)
        return vectors

    def encode(self, texts: Sequence[str], batch_size: int = 32) -> np.ndarray:
        """float32 ``[len(texts), width]``, without a gradient or dropout."""
        return self.encode_tokens(self.tokenize(texts), batch_size).cpu().numpy()


def _pretrained(
    folder: Path, spec: FinetuningSpec, device: str, where: str, emit: Callable[..., None]
) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    model_files(folder)
    words: dict[str, Any] = {}
    if isinstance(spec, QLora):
        words = {"quantization_config": quantised.config(spec, device, where, emit), "device_map": {"": device}}
    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        try:
            model = AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                trust_remote_code=False,
                **words,
            )
        except (ImportError, NotImplementedError, RuntimeError) as error:
            # The library is installed, and then lacks the routines for this device.
            if not words or isinstance(error, torch.OutOfMemoryError):
                raise
            raise quantised.refused(error, where) from error
    # The head that some have for sentence pairs plays no part in a text's vector, and would count as trained.
    if isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = None
    if hasattr(model.config, "use_cache"):
        model.config.use_cache = False
    return model, tokenizer


def _longest(folder: Path) -> int:
    """The tokens that the transformer has positions for."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    positions = config.get("max_position_embeddings") or config.get("n_positions") or 1_000_000
    # RoBERTa and its kin count positions from behind the padding's.
    offset = config.get("pad_token_id", 0) + 1 if config.get("model_type") in ("roberta", "xlm-roberta", "mpnet") else 0
    return int(positions) - int(offset)
