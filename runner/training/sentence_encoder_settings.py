"""What a sentence encoder's own files say of it: pooling, normalisation, lengths. And which files it is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.errors import DataError

#: Our own file beside a stored copy: the settings as they were read, so that no subfolder has to be kept.
STORED = "encoder.json"
#: The modes that are computed; the older configurations' flags for them, in the order their vectors are joined.
FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "lasttoken")
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How token vectors become a text's vector."""

    pooling: tuple[str, ...]
    normalize: bool
    max_length: int
    lower_case: bool
    prompt: str  # set before every text, as the model was trained
    width: int

    @classmethod
    def read(cls, directory: Path) -> Settings:
        """From our stored copy's file, else from ``modules.json`` and its friends; a plain transformer is mean-pooled.

        Raises :class:`DataError` for a file that cannot be read, and for modules or modes that are not computed here.
        """
        stored = _json(directory / STORED)
        if stored is not None:
            try:
                return cls(**{**stored, "pooling": tuple(stored["pooling"])})
            except (KeyError, TypeError) as error:
                raise DataError(f"not an encoder's settings: {error}", where=str(directory / STORED)) from None
        config = _json(directory / "config.json")
        if not isinstance(config, dict):
            raise DataError("the folder holds no model: config.json is missing", where=str(directory))
        try:
            return cls._detect(directory, config)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"the model's configuration is not what it should be: {error!r}", where=str(directory)
            ) from None

    @classmethod
    def _detect(cls, directory: Path, config: dict[str, Any]) -> Settings:
        pooling: tuple[str, ...] = ("mean",)
        normalize, transformer = False, directory
        for module in _json(directory / "modules.json") or []:
            kind = module["type"].rpartition(".")[2]
            if kind == "Transformer":
                transformer = directory / module["path"]
            elif kind == "Pooling":
                pooling = _pooling(directory / module["path"])
            elif kind == "Normalize":
                normalize = True
            else:
                raise DataError(
                    f"the model has a {kind} module, which is not computed here",
                    where=str(directory / "modules.json"),
                    hint="use a model of Transformer, Pooling and Normalize",
                )
        if transformer.resolve() != directory.resolve():
            raise DataError("the transformer is in a subfolder", where=str(directory / "modules.json"))
        sentence = _json(directory / "sentence_bert_config.json") or {}
        outer = _json(directory / "config_sentence_transformers.json") or {}
        name = outer.get("default_prompt_name")
        hidden = config.get("hidden_size") or config.get("d_model") or config["dim"]
        return cls(
            pooling=pooling,
            normalize=normalize,
            max_length=int(sentence.get("max_seq_length") or _longest(directory, config)),
            lower_case=bool(sentence.get("do_lower_case", False)),
            prompt=str((outer.get("prompts") or {}).get(name) or "") if name else "",
            width=int(hidden) * len(pooling),
        )

    def write(self, path: Path) -> None:
        """Keep the settings as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


def model_files(directory: Path) -> list[Path]:
    """The configuration, tokenizer and weights of a model. Raises :class:`DataError` without safetensors weights."""
    index = directory / "model.safetensors.index.json"
    if index.exists():
        shards = set((_json(index) or {}).get("weight_map", {}).values())
        weights = [index, *(directory / name for name in sorted(shards))]
    else:
        weights = [directory / "model.safetensors"]
    lacking = [path.name for path in weights if not path.exists()]
    if lacking:
        pickled = [path.name for path in directory.glob("*.bin")]
        raise DataError(
            f"the model has no {', '.join(lacking)}",
            where=str(directory),
            hint=f"{', '.join(pickled)} is a pickle, which is never read: convert it to safetensors"
            if pickled
            else "weights are read from safetensors files only",
        )
    tokenizer = [directory / name for name in TOKENIZER if (directory / name).exists()]
    return [directory / "config.json", *tokenizer, *weights]


def identity(directory: Path) -> str:
    """What an embedding depends on, as one SHA-256 (hex): weights, tokenizer, configuration, pooling, lengths.

    A stored copy has its original's identity.
    """
    whole = hashlib.sha256(repr(Settings.read(directory)).encode())
    for path in model_files(directory):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.name} {digest}\n".encode())
    return whole.hexdigest()


def _pooling(folder: Path) -> tuple[str, ...]:
    config = _json(folder / "config.json") or {}
    modes = config.get("pooling_mode") or [mode for flag, mode in FLAGS.items() if config.get(flag)] or ["mean"]
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not config.get("include_prompt", True):
        what = f"pooling {', '.join(unknown)}" if unknown else "pooling without the prompt's tokens"
        raise DataError(f"the model has {what}, which is not computed here", where=str(folder / "config.json"))
    return modes


def _longest(directory: Path, config: dict[str, Any]) -> int:
    """As long as the positions and the tokenizer allow, where the model says nothing else."""
    tokenizer = _json(directory / "tokenizer_config.json") or {}
    limits = [config.get("max_position_embeddings"), tokenizer.get("model_max_length")]
    # A tokenizer without a limit says 1e30.
    return min((int(limit) for limit in limits if limit and limit < 1e6), default=512)


def _json(path: Path) -> Any:
    """A file's document, None where there is no file. Raises :class:`DataError` for one that is not JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path)) from None
