"""Language models: training over TRL's trainer, and answering over a loop around transformers' `generate`.

    python benchmarks/language.py [--data FOLDER] [--quick] [--rounds 3] [--threads 2] [--layers 30] [--only PART ...]

`speed`: tokens a second of `sft`, as `fit` trains it (batches, the stop signal, checkpoints and the report of losses
included), over TRL's SFTTrainer with the same model, rows, batch size, lengths, grouping by length, optimizer and
float32; TRL writes no checkpoint. Tokens are those of the rows, padding not counted.

`loss`: this project's defaults over TRL's defaults (bfloat16, activations computed anew, batches of 8, learning rate
2e-5, all tokens learned), SmolLM2 cut to a few layers, on vicuna_blog_chat.jsonl of ``--data``: the time until each
has the held-out loss that TRL has after one of its three epochs. Measuring is not counted.

`answers`: tokens a second of the predictor behind `infer`, over `generate` called on the same batches, and on one row
at a time. Greedy.

The sides take turns, round by round; ratios are medians over rounds, by the clock and by the processor's time, which
other programs on the machine disturb less. Without ``--data``, rows are the packaged sample's, and `loss` is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from silent_training import silent, silent_context

from runner import registry
from runner.contract import LoadedData, TrainContext
from runner.runs.checkpoints import RunCheckpoints
from runner.training.made_models import TINY

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SEED, MAX_LENGTH = 42, 256
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
                rows = talks[: 64 if small else 6 if arguments.quick else 16]
                speed(name, model, rows, arguments.rounds, folder)
            if "answers" in arguments.only:
                asked = [talk[:1] for talk in talks[: 16 if small or not arguments.quick else 4]]
                answers(name, model, asked, arguments.rounds, folder, 24 if arguments.quick else 48)
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
    """What takes turns: a side is called and gives how many tokens it worked on."""

    of: dict[str, Callable[[], int]]
    clock: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)

    def take_turns(self, rounds: int) -> None:
        for number in range(rounds):
            names = list(self.of) if number % 2 == 0 else list(self.of)[::-1]
            for name in names:
                started, used = time.perf_counter(), time.process_time()
                tokens = self.of[name]()
                self.processor.setdefault(name, []).append(tokens / (time.process_time() - used))
                self.clock.setdefault(name, []).append(tokens / (time.perf_counter() - started))

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


def speed(name: str, model: Path, talks: list[list[dict[str, str]]], rounds: int, folder: Path) -> None:
    """`sft` over TRL's trainer of the same settings."""
    ours = Training(model, talks, talks[:1], folder, max_length=MAX_LENGTH)
    theirs = trl_trainer(
        model, ours.as_labels(), folder,
        per_device_train_batch_size=2, num_train_epochs=1, learning_rate=3e-5, weight_decay=0.0, warmup_steps=0.1,
        max_length=MAX_LENGTH, bf16=False, gradient_checkpointing=False, train_sampling_strategy="group_by_length",
    )  # fmt: skip
    tokens = int(ours.side.rows.lengths.sum())

    def trl() -> int:
        theirs.train()
        return tokens

    def runner() -> int:
        ours.fit()
        return tokens

    sides = Sides({"runner sft": runner, "TRL SFTTrainer": trl})
    theirs.args.max_steps = 1
    theirs.train()
    theirs.args.max_steps = -1
    sides.take_turns(rounds)
    sides.tell(f"speed: {name}, {len(talks)} rows, {tokens:,} tokens a round", {
        "runner over TRL": "runner sft / TRL SFTTrainer"
    })  # fmt: skip


def answers(name: str, model: Path, asked: list[list[dict[str, str]]], rounds: int, folder: Path, new: int) -> None:
    """The predictor over `generate`, in the same batches and by one row at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from runner.builders.language._answering.generator import Generator
    from runner.builders.language._rows.chat_renderer import renderer_of
    from runner.chat.messages import Conversation, Message
    from runner.data.dialogues.asked import AskedConversation
    from runner.tasks.generation.options import GenerationOptions

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    plain = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    training = Training(model, [], [], folder)
    generator = Generator(plain, tokenizer, renderer_of(training.base, training.spec, training.context))
    rows = [AskedConversation(Conversation(tuple(Message(**turn) for turn in talk))) for talk in asked]
    options = GenerationOptions(max_new_tokens=new)
    size = len(rows) // 2
    by_hand: dict[int, list[str]] = {}

    def runner() -> int:
        made = [one for (one,) in generator.predict(rows, options, size)]
        assert not by_hand or [one.text for one in made] == by_hand[size], "the answers differ"
        return sum(one.completion_tokens for one in made)

    def generate(size: int, talks: list[list[dict[str, str]]]) -> Callable[[], int]:
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
        {"runner": runner, "generate, batches": generate(size, asked), "generate, one a time": generate(1, few)}
    )
    runner()
    sides.take_turns(rounds)
    sides.tell(f"answers: {name}, {len(rows)} prompts, up to {new} tokens each, batches of {size}", {
        "over batches by hand": "runner / generate, batches",
        "over one row at a time": "runner / generate, one a time",
    })  # fmt: skip


def to_the_same_loss(
    name: str, model: Path, talks: list[list[dict[str, str]]], learned: int, rounds: int, folder: Path
) -> None:
    """The defaults of both until the held-out loss that TRL has after its first epoch."""
    train, held = talks[:learned], talks[-24:]
    ours = Training(model, train, held, folder)
    found: dict[str, list[float]] = {"clock": [], "processor": []}
    for number in range(rounds):
        theirs = Curve.of_trl(model, train, ours, folder)
        target = theirs.loss[-1]
        own = ours.curve(target)
        if own.loss[-1] > target:
            print(f"\nloss: {name}: {own.loss[-1]:.3f} was the last, TRL had {target:.3f}")
            return
        found["clock"].append(theirs.clock[-1] / own.at(target, own.clock))
        found["processor"].append(theirs.processor[-1] / own.at(target, own.processor))
        if number == 0:
            print(f"\nloss: {name}, {learned} rows of vicuna_blog_chat, {len(held)} held out, defaults of both")
            print(f"  before {theirs.loss[0]:.3f}; TRL {target:.3f} after {theirs.clock[-1]:.1f} s")
            print(
                f"  runner {own.loss[-1]:.3f} after {own.clock[-1]:.1f} s, that after {own.at(target, own.clock):.1f} s"
            )
    for kind, values in found.items():
        values.sort()
        print(f"  runner over TRL: {statistics.median(values):.2f}x [{values[0]:.2f}, {values[-1]:.2f}] by {kind}")


# The sides


class Training:
    """`sft` with its defaults but for ``fields``, on conversations, its model loaded anew for every training."""

    def __init__(
        self,
        model: Path,
        train: list[list[dict[str, str]]],
        held: list[list[dict[str, str]]],
        folder: Path,
        **fields: Any,
    ) -> None:
        from runner.builders.language._models import base_model
        from runner.builders.language._rows import rendering
        from runner.builders.language._rows.chat_renderer import renderer_of
        from runner.chat.messages import Conversation, Message
        from runner.data.dialogues.rows import ConversationRow

        kind = registry.load("sft")
        document = {"model_type": "sft", "base_model_name": str(model)} | fields
        self.spec: Any = kind.Spec.model_validate_json(json.dumps(document))
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self.context = silent_context(
            self._folder, LoadedData([], [], "0" * 64, {}), epochs=1, batch_size=kind.Spec.default_batch_size,
            seed=SEED, cache=folder,
        )  # fmt: skip
        self.base = base_model.find(self.spec, self.context)
        renderer = renderer_of(self.base, self.spec, self.context)

        def side(talks: list[list[dict[str, str]]], name: str) -> Any:
            rows = [
                ConversationRow(at + 1, Conversation(tuple(Message(**turn) for turn in talk)))
                for at, talk in enumerate(talks)
            ]
            return rendering.conversations(rows, renderer, self.spec.loss_on, self.spec.max_length, name)

        self.side, self.held = side(train, "train"), side(held, "validation")

    def as_labels(self) -> list[dict[str, list[int]]]:
        """The rows as TRL takes tokens: -100 is a token that does not count."""
        rows, found = self.side.rows, []
        for start, end in zip(rows.tokens.ends[:-1], rows.tokens.ends[1:], strict=True):
            ids, counts = rows.tokens.ids[start:end], rows.weights[start:end] > 0
            found.append({"input_ids": ids.tolist(), "labels": np.where(counts, ids, -100).tolist()})
        return found

    def fit(self, measure: Callable[[Any], dict[str, float | None]] | None = None, context: Any = None) -> None:
        """One training. ``measure`` is given the model."""
        from runner.builders.language._learning.likelihood import step_parts
        from runner.builders.language._learning.trainee import computed_in, trainee
        from runner.builders.language._models import base_model
        from runner.training.loop import fit

        trained = base_model.load(self.spec, self.context, self.base)
        parts = step_parts(
            trained.model, self.side.rows, batch_size=self.context.batch_size, padding=trained.padding, device="cpu",
            precision=computed_in(self.spec, self.context), smoothing=self.spec.label_smoothing,
        )  # fmt: skip
        task = trainee(
            self.spec, self.context, trained, parts,
            (lambda: measure(trained.model)) if measure is not None else (lambda: {"loss": None}),
            self.side.rows.lengths, criterion="loss", better="lower",
        )  # fmt: skip
        fit(task, self._anew(context or self.context))

    def _anew(self, context: TrainContext) -> TrainContext:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return replace(context, checkpoints=RunCheckpoints(folder, silent))

    def judged(self, model: Any) -> float:
        """The held-out loss of the answers' tokens."""
        from runner.builders.language._learning.likelihood import judge

        loss = judge(model, self.held.rows, int(self.base.tokenizer.pad_token_id), "cpu").metrics()["loss"]
        assert loss is not None
        return loss

    def curve(self, target: float) -> Curve:
        """The held-out loss every few steps, until it is the target."""
        from runner.errors import Stopped

        curve = Curve()
        own, self.spec = self.spec, self.spec.model_copy(update={"eval_every": 2})

        def measure(model: Any) -> dict[str, float | None]:
            with curve.paused():
                loss = self.judged(model)
                curve.add(loss)
            return {"loss": loss}

        context = replace(self.context, stop_requested=lambda: bool(curve.loss) and curve.loss[-1] <= target)
        try:
            self.fit(measure, context)
        except Stopped:
            pass
        finally:
            self.spec = own
        return curve


@dataclass
class Curve:
    """Held-out losses with the seconds of training before each, by the clock and by the processor's time."""

    loss: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began, self._used = time.perf_counter(), time.process_time()

    def add(self, loss: float) -> None:
        self.loss.append(loss)

    def paused(self) -> Any:
        """What is done within is not counted."""
        from contextlib import contextmanager

        @contextmanager
        def within() -> Iterator[None]:
            now, used = time.perf_counter(), time.process_time()
            self.clock.append(now - self._began)
            self.processor.append(used - self._used)
            yield
            self._began += time.perf_counter() - now
            self._used += time.process_time() - used

        return within()

    def at(self, target: float, seconds: list[float]) -> float:
        """When the loss was ``target``, between two measurements on a line."""
        if self.loss[0] <= target:
            return seconds[0]
        after = next(at for at, loss in enumerate(self.loss) if loss <= target)
        return float(np.interp(-target, [-self.loss[after - 1], -self.loss[after]], seconds[after - 1 : after + 1]))

    @classmethod
    def of_trl(cls, model: Path, talks: list[list[dict[str, str]]], ours: Training, folder: Path) -> Curve:
        """TRL's defaults, stopped after the first of their three epochs; the loss before and after."""
        from transformers import TrainerCallback

        curve = cls()

        class Look(TrainerCallback):  # type: ignore[misc]
            def on_train_begin(self, args: Any, state: Any, control: Any, **words: Any) -> None:
                with curve.paused():
                    curve.add(ours.judged(words["model"]))

            def on_epoch_end(self, args: Any, state: Any, control: Any, **words: Any) -> Any:
                with curve.paused():
                    curve.add(ours.judged(words["model"]))
                control.should_training_stop = True
                return control

        trainer = trl_trainer(model, [{"messages": talk} for talk in talks], folder, callbacks=[Look()])
        curve.__post_init__()
        trainer.train()
        first = curve.clock[0], curve.processor[0]
        curve.clock, curve.processor = [t - first[0] for t in curve.clock], [t - first[1] for t in curve.processor]
        return curve


def trl_trainer(model: Path, rows: list[dict[str, Any]], folder: Path, callbacks: Any = None, **settings: Any) -> Any:
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


def conversations(data: Path | None) -> list[list[dict[str, str]]]:
    """A question and its answer each, in an order that is drawn."""
    file = data / "vicuna_blog_chat.jsonl" if data else None
    if file is None:
        file = next((Path(__file__).parents[1] / "runner" / "data" / "conversations").rglob("*.jsonl"))
    talks = [json.loads(line)["messages"] for line in file.read_text("utf-8").splitlines() if line.strip()]
    talks = [
        [{"role": turn["role"], "content": turn["content"]} for turn in talk] for talk in talks
        if [turn["role"] for turn in talk] == ["user", "assistant"]
    ]  # fmt: skip
    return [talks[at] for at in np.random.default_rng(SEED).permutation(len(talks))]


if __name__ == "__main__":
    main()
