"""A causal language model of 0.1 million parameters, a byte a token, with a chat template."""

from __future__ import annotations

from pathlib import Path

from runner.training.made._drawing import draw

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def write(folder: Path) -> None:
    """Write the model and its tokenizer."""
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
    draw(model, config.initializer_range)
    model.save_pretrained(folder)
