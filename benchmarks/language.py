"""Language models: training over TRL's trainer, and answering over a loop around transformers' `generate`.

    python benchmarks/language.py [--data FOLDER] [--quick] [--rounds 3] [--threads 2] [--layers 30] [--only PART ...]

`speed`: tokens a second of `sft` as it trains (batches, the stop signal, checkpoints and what is told of it included),
over TRL's SFTTrainer with the same model, tokens, batch size, optimizer and float32; TRL writes no checkpoint. All rows
are of one length, so that nothing is padding; the first step is not counted.

`loss`: this project's defaults over TRL's defaults (bfloat16, activations computed anew, batches of 8, learning rate
2e-5, all tokens learned), SmolLM2 cut to a few layers, on vicuna_blog_chat.jsonl of ``--data``: the time until each
has the held-out loss that TRL has after one of its three epochs. Measuring is not counted. By the clock alone.

`answers`: tokens a second of the predictor behind `infer`, over `generate` called on the same batches, and on one row
at a time: of a first question, and of a second one, which comes after a question and a long answer. Greedy.

The sides take turns, round by round; ratios are medians over rounds, by the clock and by the processor's time, which
other programs on the machine disturb less. Without ``--data``, rows are the packaged sample's, and `loss` is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from silent_training import silent_context

from runner import registry
from runner.contract import LoadedData, TrainContext
from runner.errors import Stopped
from runner.training.made_models import TINY

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SEED, MAX_LENGTH, BATCH = 42, 256, 2
#: Rows that are held out.
HELD = 24
#: A question and its answer.
Talk = list[dict[str, str]]
GO_ON = {"role": "user", "content": "Go on, and say it in other words."}
PARTS = ("speed", "loss", "answers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of vicuna_blog_chat.jsonl")
    parser.add_argument("--quick", action="store_true", help="a fraction of the rows, two layers: to try it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--layers", type=int, default=30, help="of SmolLM2, for `speed` and `answers`")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cache", type=Path, help="a folder of models made here that stays")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    layers = 2 if arguments.quick else arguments.layers
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        models = {
            "tiny-llama": made(TINY, arguments.cache or folder),
            f"SmolLM2, {layers} layers": cut(made(SMOL, arguments.cache or folder), layers, folder / "cut"),
        }
        talks = conversations(arguments.data)
        print(f"{arguments.threads} threads, {arguments.rounds} rounds, rows of at most {MAX_LENGTH} tokens")
        for name, model in models.items():
            small = name == "tiny-llama"
            if "speed" in arguments.only:
                speed(name, model, talks, 30 if small else 3 if arguments.quick else 8, arguments.rounds, folder)
            if "answers" in arguments.only:
                few = talks[: 8 if arguments.quick else 16]
                new = 24 if arguments.quick else 48
                answers(f"{name}, a question", model, [talk[:1] for talk in few], arguments.rounds, folder, new)
                # A byte is a token of tiny-llama, which reads 2,048.
                short = [talk for talk in talks if sum(len(turn["content"].encode()) for turn in talk) < 1_600]
                again = [[*talk, GO_ON] for talk in short[: len(few)]]
                answers(f"{name}, a second question", model, again, arguments.rounds, folder, new)
        if "loss" in arguments.only and arguments.data:
            few = 2 if arguments.quick else 6
            model = cut(made(SMOL, arguments.cache or folder), few, folder / "few")
            rounds = 1 if arguments.quick else arguments.rounds
            learned = 24 if arguments.quick else 64
            to_the_same_loss(f"SmolLM2, {few} layers", model, talks, learned, rounds, folder)
    print(f"all of it took {time.perf_counter() - started:.0f} s")


# What is compared


@dataclass
class Sides:
    """What takes turns: a side is called and gives its tokens, seconds, and seconds of the processor."""

    of: dict[str, Callable[[], tuple[int, float, float]]]
    clock: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)

    def take_turns(self, rounds: int) -> None:
        for number in range(rounds):
            names = list(self.of) if number % 2 == 0 else list(self.of)[::-1]
            for name in names:
                tokens, clock, processor = self.of[name]()
                self.processor.setdefault(name, []).append(tokens / processor)
                self.clock.setdefault(name, []).append(tokens / clock)

    def tell(self, title: str, over: dict[str, str]) -> None:
        print(f"\n{title}")
        for name, values in self.clock.items():
            print(f"  {name:24} {statistics.median(values):8.0f} tokens/s")
        for label, (one, other) in {text: tuple(pair.split(" / ")) for text, pair in over.items()}.items():
            clock, processor = ratios(self.clock, one, other), ratios(self.processor, one, other)
            print(f"  {label}: {clock} by the clock, {processor} by processor time")


def ratios(found: dict[str, list[float]], one: str, other: str) -> str:
    """Median and range of the rounds' ratios."""
    values = sorted(a / b for a, b in zip(found[one], found[other], strict=True))
    return f"{statistics.median(values):.2f}x [{values[0]:.2f}, {values[-1]:.2f}]"


def timed(work: Callable[[], int]) -> Callable[[], tuple[int, float, float]]:
    """A side that is timed from without."""

    def side() -> tuple[int, float, float]:
        started, used = time.perf_counter(), time.process_time()
        tokens = work()
        return tokens, time.perf_counter() - started, time.process_time() - used

    return side


def speed(name: str, model: Path, talks: list[Talk], steps: int, rounds: int, folder: Path) -> None:
    """`sft` over TRL's trainer of the same settings."""
    from transformers import TrainerCallback

    ours = Training(model, talks, [], folder, max_length=MAX_LENGTH)
    whole = [at for at, row in enumerate(ours.labels()) if len(row["input_ids"]) == MAX_LENGTH][: BATCH * steps]
    ours = Training(model, [talks[at] for at in whole], [], folder, max_length=MAX_LENGTH)
    steps = len(whole) // BATCH
    tokens = (steps - 1) * BATCH * MAX_LENGTH
    marks: list[tuple[float, float]] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **words: Any) -> None:
            if state.global_step in (1, steps):
                marks.append((time.perf_counter(), time.process_time()))

    def trl() -> tuple[int, float, float]:
        marks.clear()
        trl_trainer(
            model, ours.labels(), folder, [Clock()], per_device_train_batch_size=BATCH, num_train_epochs=1,
            learning_rate=3e-5, weight_decay=0.0, warmup_steps=0.1, max_length=MAX_LENGTH, bf16=False,
            gradient_checkpointing=False,
        ).train()  # fmt: skip
        return tokens, marks[1][0] - marks[0][0], marks[1][1] - marks[0][1]

    def runner() -> tuple[int, float, float]:
        events = ours.train()
        first, last = events[0], next(event for event in events if event["event"] == "epoch")
        assert (first["done"], last["tokens"]) == (1, steps * BATCH * MAX_LENGTH)
        return tokens, last["clock"] - first["clock"], last["processor"] - first["processor"]

    sides = Sides({"runner sft": runner, "TRL SFTTrainer": trl})
    sides.take_turns(rounds)
    sides.tell(f"speed: {name}, {steps} steps of {BATCH} rows", {"runner over TRL": "runner sft / TRL SFTTrainer"})


def answers(name: str, model: Path, asked: list[Talk], rounds: int, folder: Path, new: int) -> None:
    """The predictor over `generate`, in the same batches and by one row at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from runner.builders.language._answering.generator import Generator
    from runner.chat.messages import Conversation, Message
    from runner.data.dialogues.infer_rows import AskedConversation
    from runner.tasks.generation.options import GenerationOptions

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    plain = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    generator = Generator(plain, tokenizer, Training(model, [], [], folder).renderer())
    rows = [AskedConversation(Conversation(tuple(Message(**turn) for turn in talk))) for talk in asked]
    options = GenerationOptions(max_new_tokens=new)
    size = len(rows)
    by_hand: dict[int, list[str]] = {}

    def runner() -> int:
        made = [one for (one,) in generator.predict(rows, options, size)]
        # Sums of another batch come in another order, and the likeliest of two tokens may be the other one.
        other = sum(one.text.strip() != text for one, text in zip(made, by_hand[size], strict=True)) if by_hand else 0
        assert other <= len(made) // 4, f"{other} of {len(made)} answers differ"
        return sum(one.completion_tokens for one in made)

    def generate(size: int, talks: list[Talk]) -> Callable[[], int]:
        def loop() -> int:
            texts, count = [], 0
            for at in range(0, len(talks), size):
                words: Any = tokenizer.apply_chat_template(
                    talks[at : at + size], add_generation_prompt=True, padding=True, return_tensors="pt",
                    return_dict=True,
                )  # fmt: skip
                with torch.inference_mode():
                    out = plain.generate(**words, max_new_tokens=new, do_sample=False, eos_token_id=ends,
                                         pad_token_id=tokenizer.pad_token_id)  # fmt: skip
                for row in out[:, words["input_ids"].shape[1] :].tolist():
                    ended = next((place for place, token in enumerate(row) if token == ends), None)
                    count += len(row) if ended is None else ended + 1
                    texts.append(tokenizer.decode(row[:ended]).strip())
            by_hand[size] = texts
            return count

        return loop

    ends = tokenizer.eos_token_id
    few = asked[: max(1, len(asked) // 4)]
    sides = Sides(
        {
            "runner": timed(runner),
            "generate, batches": timed(generate(size, asked)),
            "generate, one a time": timed(generate(1, few)),
        }
    )
    runner()
    sides.take_turns(rounds)
    sides.tell(f"answers: {name}, {len(rows)} prompts, up to {new} tokens each, batches of {size}", {
        "over batches by hand": "runner / generate, batches",
        "over one row at a time": "runner / generate, one a time",
    })  # fmt: skip


def to_the_same_loss(name: str, model: Path, talks: list[Talk], learned: int, rounds: int, folder: Path) -> None:
    """The defaults of both until the held-out loss that TRL has after its first epoch."""
    ours = Training(model, talks[:learned], talks[-HELD:], folder, evaluation={"every": 2})
    found = []
    for number in range(rounds):
        before, target, theirs = loss_of_trl(model, talks[:learned], ours, folder)
        losses, seconds = ours.curve(target)
        if losses[-1] > target:
            print(f"\nloss: {name}: {losses[-1]:.3f} was the last, TRL had {target:.3f}")
            return
        own = float(np.interp(-target, [-before, *(-loss for loss in losses)], [0.0, *seconds]))
        found.append(theirs / own)
        if number == 0:
            print(f"\nloss: {name}, {learned} rows of vicuna_blog_chat, {HELD} held out, the defaults of both")
            print(f"  before {before:.3f}; TRL {target:.3f} after {theirs:.1f} s; runner the same after {own:.1f} s")
    found.sort()
    print(f"  runner over TRL: {statistics.median(found):.2f}x [{found[0]:.2f}, {found[-1]:.2f}] by the clock")


# The sides


class Training:
    """`sft` with its defaults but for ``fields``, on conversations."""

    def __init__(self, model: Path, train: list[Talk], held: list[Talk], folder: Path, **fields: Any) -> None:
        from runner.chat.messages import Conversation, Message
        from runner.data.dialogues.row_types import ConversationRow

        self.kind = registry.load("sft")
        document = {"model_type": "sft", "base_model_name": str(model)} | fields
        self.spec: Any = self.kind.Spec.model_validate_json(json.dumps(document))
        self._folder = folder
        self.train_rows, self.held_rows = (
            [
                ConversationRow(at + 1, Conversation(tuple(Message(**turn) for turn in talk)))
                for at, talk in enumerate(talks)
            ]
            for talks in (train, held)
        )

    def context(self) -> TrainContext:
        return silent_context(
            Path(tempfile.mkdtemp(dir=self._folder)),
            LoadedData(self.train_rows, self.held_rows, "0" * 64, {}),
            epochs=1,
            batch_size=BATCH,
            seed=SEED,
            cache=self._folder,
        )

    def renderer(self) -> Any:
        from runner.builders.language._models import base_model
        from runner.builders.language._rows.rendering import renderer_of

        context = self.context()
        return renderer_of(base_model.find(self.spec, context), self.spec, context)

    def rows(self, of: list[Any]) -> Any:
        """Conversations as token rows."""
        from runner.builders.language._rows import rendering

        return rendering.conversations(of, self.renderer(), self.spec.loss_on, self.spec.max_length, "train").rows

    def labels(self) -> list[dict[str, list[int]]]:
        """The rows as TRL takes tokens: -100 is a token that does not count."""
        rows, found = self.rows(self.train_rows), []
        for start, end in zip(rows.tokens.ends[:-1], rows.tokens.ends[1:], strict=True):
            ids, counts = rows.tokens.ids[start:end], rows.weights[start:end] > 0
            found.append({"input_ids": ids.tolist(), "labels": np.where(counts, ids, -100).tolist()})
        return found

    def train(self, enough: float = -math.inf) -> list[dict[str, Any]]:
        """What is told of a training, each event with the clock's and the processor's time; until a loss is enough."""
        events: list[dict[str, Any]] = []

        def emit(event: str, **fields: Any) -> None:
            if event in ("progress", "epoch", "step"):
                now = {"clock": time.perf_counter(), "processor": time.process_time()}
                events.append({"event": event} | fields | now)

        def over() -> bool:
            return any(event["event"] == "step" and event["metrics"]["loss"] <= enough for event in events)

        context = replace(self.context(), emit=emit, stop_requested=over)
        with contextlib.suppress(Stopped):
            self.kind.train(self.spec, context)
        shutil.rmtree(context.artifact.parent)
        return events

    def curve(self, enough: float) -> tuple[list[float], list[float]]:
        """Held-out losses, and the seconds of learning before each."""
        losses, seconds, learned, tokens = [], [], 0.0, 0
        for event in self.train(enough):
            if event.get("pace", {}).get("tokens_per_second"):
                learned += (event["tokens"] - tokens) / event["pace"]["tokens_per_second"]
                tokens = event["tokens"]
            if event["event"] == "step":
                losses.append(event["metrics"]["loss"])
                seconds.append(learned)
        return losses, seconds


def loss_of_trl(model: Path, talks: list[Talk], ours: Training, folder: Path) -> tuple[float, float, float]:
    """TRL's defaults, stopped after the first of their three epochs: the loss before and after, and seconds."""
    from transformers import TrainerCallback

    from runner.builders.language._learning.likelihood_loss import judge

    held = ours.rows(ours.held_rows)
    losses, marks = [], []

    class Look(TrainerCallback):  # type: ignore[misc]
        def look(self, model: Any, tokenizer: Any) -> None:
            marks.append(time.perf_counter())
            losses.append(judge(model, held, int(tokenizer.pad_token_id), "cpu").metrics()["loss"])
            marks.append(time.perf_counter())

        def on_train_begin(self, args: Any, state: Any, control: Any, **words: Any) -> None:
            self.look(words["model"], words["processing_class"])

        def on_epoch_end(self, args: Any, state: Any, control: Any, **words: Any) -> Any:
            self.look(words["model"], words["processing_class"])
            control.should_training_stop = True
            return control

    trl_trainer(model, [{"messages": talk} for talk in talks], folder, [Look()]).train()
    return losses[0], losses[1], marks[2] - marks[1]


def trl_trainer(model: Path, rows: list[dict[str, Any]], folder: Path, callbacks: list[Any], **settings: Any) -> Any:
    """TRL's trainer as its documentation writes it, without reports and checkpoints."""
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoTokenizer, PrinterCallback
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    config = SFTConfig(
        output_dir=str(folder / "trl"), use_cpu=True, report_to="none", save_strategy="no", logging_strategy="no",
        disable_tqdm=True, seed=SEED, **settings,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=str(model), args=config, train_dataset=Dataset.from_list(rows), callbacks=callbacks,
        processing_class=AutoTokenizer.from_pretrained(model),
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    return trainer


# Models and rows


def made(name: str, cache: Path) -> Path:
    from runner.training import pretrained

    return pretrained.resolve(name, cache=cache)


def cut(model: Path, layers: int, folder: Path) -> Path:
    """The model with its first layers alone, float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    whole.model.layers = whole.model.layers[:layers]
    whole.config.num_hidden_layers = layers
    if getattr(whole.config, "layer_types", None):
        whole.config.layer_types = whole.config.layer_types[:layers]
    whole.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def conversations(data: Path | None) -> list[Talk]:
    """A question and its answer each, in an order that is drawn."""
    file = data / "vicuna_blog_chat.jsonl" if data else None
    if file is None:
        file = Path(__file__).parents[1] / "runner" / "data" / "dialogues" / "sample" / "conversations.jsonl"
    talks = [json.loads(line)["messages"] for line in file.read_text("utf-8").splitlines() if line.strip()]
    talks = [
        [{"role": turn["role"], "content": turn["content"]} for turn in talk] for talk in talks
        if [turn["role"] for turn in talk] == ["user", "assistant"]
    ]  # fmt: skip
    return [talks[at] for at in np.random.default_rng(SEED).permutation(len(talks))]


if __name__ == "__main__":
    main()
