"""One training by TRL's SFTTrainer, as its documentation writes it: tokens a second and peak memory, as JSON.

python benchmarks/gpu/bare_trl.py MODEL ROWS METHOD SHAPE
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from shapes import Shape


def main() -> None:
    model, rows, method = sys.argv[1:4]
    shape = Shape(*[json.loads(sys.argv[4])[field.name] for field in fields(Shape)])
    import torch
    from datasets import load_dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, BitsAndBytesConfig, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    cuda = torch.cuda.is_available()
    times: dict[int, float] = {}

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **words: Any) -> None:
            if state.global_step in (shape.warm, shape.steps):
                if cuda:
                    torch.cuda.synchronize()
                times[state.global_step] = time.perf_counter()

    words: dict[str, Any] = {}
    if method == "qlora":
        words["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM")
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder, max_steps=shape.steps, per_device_train_batch_size=shape.batch, learning_rate=3e-5,
            max_length=shape.length, bf16=cuda, use_cpu=not cuda, gradient_checkpointing=False, save_strategy="no",
            report_to="none", assistant_only_loss=True, disable_tqdm=True, model_init_kwargs=words or None,
        )  # fmt: skip
        trainer = SFTTrainer(
            model=model, args=config, train_dataset=load_dataset("json", data_files=rows, split="train"),
            processing_class=AutoTokenizer.from_pretrained(model), callbacks=[Clock()],
            peft_config=None if method == "full" else lora,
        )  # fmt: skip
        trainer.train()
    tokens = (shape.steps - shape.warm) * shape.batch * shape.length
    told: dict[str, Any] = {"tokens_per_second": tokens / (times[shape.steps] - times[shape.warm])}
    if cuda:
        told["peak_memory"] = torch.cuda.max_memory_allocated()
    else:
        import resource

        told["peak_memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(told))


if __name__ == "__main__":
    main()
