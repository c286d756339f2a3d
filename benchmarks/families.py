"""Kinds of texts and pictures beside a plain script of their library, on real rows: how good, and how long.

    python benchmarks/families.py --data FOLDER [--only NAME ...] [--rounds 3] [--encoder NAME] [--quick] [--profile]

Both sides (`plain_scripts.py` has the other) begin with the same weights, head included, and take the same rows in the
same batches for the same number of steps: AdamW at one rate, no dropout, no decay, gradients cut at 1, held-out rows
measured after every epoch, the last weights stored. So the figures differ by rounding alone, unless something is
learned otherwise. Both stored models are opened by the script's own code, which says what they find in held-out rows.

`learn` is from behind the first step to behind the last, with what is measured between; `whole` is all from rows in
memory to a stored model that was opened again: tokens and steps on both sides, here also baselines, intervals, tables
and a model card. Sides take turns, each after a training of a few rows that is not counted; seconds are the
processor's, so that other programs on the machine disturb little. Every round has a seed of its own. The interval of a
difference is of held-out rows that are drawn anew, a thousand times.

Models: all-MiniLM-L6-v2 cut to two layers (texts), the packaged tiny T5 and ViT, and a YOLOS drawn here.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
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
from plain_scripts import SCRIPTS, WRITTEN, Rows, Settings
from silent_training import silent_context

from runner import registry
from runner.contract import LoadContext
from runner.training import made_models, pretrained

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
LAYERS = 2
#: What texts are read with, unless ``--encoder`` says so.
ENCODER = MINILM
TINY = "runner/tiny-bert"
SEED, DRAWS = 42, 1000
#: Rows of texts that are learned, and held out, at most.
LEARNED, HELD = 320, 240
#: Pictures of digits, learned and held out: three quarters are whole batches of 32, whose means both sides round alike.
DIGITS = 1024
ONE, OTHER = "runner", "plain"


@dataclass(frozen=True)
class Case:
    """What one kind learns."""

    kind: str
    #: The figure that the script's ``figure`` is.
    figure: str
    base: Path
    #: The class of transformers with the head; None where the base has all.
    auto: str | None
    train: Rows
    held: Rows
    settings: Settings
    #: More of the spec, and of its data section.
    fields: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    def few(self) -> Case:
        """Two batches of it, once."""
        rows = 2 * self.settings.batch
        # Every class, and as many kinds of labels as there are.
        held = self.held[: max(8, len(self.settings.classes))]
        return replace(self, train=self.train[:rows], held=held, settings=replace(self.settings, epochs=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of classify_banking77.csv and the others")
    parser.add_argument("--only", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="say where this side's time goes, of one training")
    parser.add_argument("--encoder", default=MINILM, help="what texts are read with, cut to its first two layers")
    parser.add_argument(
        "--quick", action="store_true", help="a part of the rows, and a tiny encoder: for a busy machine"
    )
    arguments = parser.parse_args()
    global ENCODER, LEARNED, HELD, DIGITS
    ENCODER = TINY if arguments.quick else arguments.encoder
    if arguments.quick:
        LEARNED, HELD, DIGITS = 128, 96, 640
    quiet(arguments.threads)
    print("| kind | figure | runner | plain script | difference, points | learn | whole | seconds |")
    print("|---|---|---:|---:|---|---|---|---:|")
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as scratch:
            case = CASES[name](arguments.data, Path(scratch))
            if arguments.profile:
                profiled(case, Path(scratch))
            else:
                compare(case, arguments.rounds, Path(scratch))


def quiet(threads: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    warnings.simplefilter("ignore")
    import datasets
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    torch.set_num_threads(threads)


# What is compared


@dataclass
class Side:
    """What one side took and gave, by round."""

    learn: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    found: list[np.ndarray] = field(default_factory=list)


def compare(case: Case, rounds: int, folder: Path) -> None:
    """Train by turns, and print the kind's line."""
    script, sides = SCRIPTS[case.kind], {ONE: Side(), OTHER: Side()}
    trainings = {ONE: by_runner, OTHER: by_script}
    for training in trainings.values():
        training(case.few(), Path(tempfile.mkdtemp(dir=folder)))()
    for number in range(rounds):
        own = replace(case, settings=replace(case.settings, seed=SEED + number))
        steps = {}
        for name in sorted(trainings, reverse=bool(number % 2)):
            place = Path(tempfile.mkdtemp(dir=folder))
            work = trainings[name](own, place)
            with counted_steps() as marks:
                started = time.process_time()
                out = work()
                sides[name].whole.append(time.process_time() - started)
            sides[name].learn.append(marks[-1] - marks[0])
            sides[name].found.append(script.answers(out, own.held, own.settings))
            steps[name] = len(marks)
        assert steps[ONE] == steps[OTHER], f"{case.kind}: {steps} steps"
    one, other = sides[ONE], sides[OTHER]
    low, high = interval(one.found, other.found, script.figure)
    values = [statistics.fmean(map(script.figure, side.found)) for side in (one, other)]
    away = 100 * (values[0] - values[1])
    print(
        f"| `{case.kind}` | {case.figure} | {values[0]:.3f} | {values[1]:.3f} | {away:+.2f} [{low:+.2f}, {high:+.2f}] "
        f"| {ratios(one.learn, other.learn)} | {ratios(one.whole, other.whole)} | {statistics.median(one.whole):.1f} |",
        flush=True,
    )


def ratios(one: list[float], other: list[float]) -> str:
    """Median and range of the rounds' ratios."""
    values = sorted(a / b for a, b in zip(one, other, strict=True))
    return f"{statistics.median(values):.2f}x [{values[0]:.2f}, {values[-1]:.2f}]"


def interval(
    one: list[np.ndarray], other: list[np.ndarray], figure: Callable[[np.ndarray], float]
) -> tuple[float, float]:
    """95 % of the differences in points, over held-out rows drawn anew, the same for both sides and all rounds."""
    rng = np.random.default_rng(SEED)
    count, found = len(one[0]), []
    for _ in range(DRAWS):
        rows = rng.integers(0, count, count)
        found.append(np.mean([figure(a[rows]) - figure(b[rows]) for a, b in zip(one, other, strict=True)]))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return 100 * float(low), 100 * float(high)


@contextlib.contextmanager
def counted_steps() -> Any:
    """Takes the processor's time after each step of any optimizer."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    marks: list[float] = []
    hook = register_optimizer_step_post_hook(lambda *_: marks.append(time.process_time()))
    try:
        yield marks
    finally:
        hook.remove()


# The sides: what is made beforehand, and the training


def by_runner(case: Case, folder: Path) -> Callable[[], Path]:
    builder, settings = registry.load(case.kind), case.settings
    document = {
        "model_type": case.kind, "base_model_name": str(case.base), "seed": settings.seed, "schedule": None,
        "keep": "last",
        "optimizer": {"optimizer_type": "adamw", "learning_rate": settings.rate, "weight_decay": 0.0},
    } | case.fields  # fmt: skip
    spec: Any = builder.Spec.model_validate(document)
    files = {name: folder / f"{name}.jsonl" for name in ("train", "held")}
    for name, path in files.items():
        path.write_text("".join(json.dumps(row) + "\n" for row in getattr(case, name)), "utf-8")
    section = type(spec).data.model_validate(
        {"dataset": str(files["train"]), "validation_data": str(files["held"])} | case.data
    )
    loaded = section.load(LoadContext(spec, folder, lambda *_, **__: None))
    context = silent_context(
        folder, loaded, epochs=settings.epochs, batch_size=settings.batch, seed=settings.seed, cache=folder
    )

    def train() -> Path:
        builder.train(spec, context)
        return context.artifact

    return train


def by_script(case: Case, folder: Path) -> Callable[[], Path]:
    start = begun(case, folder / "start")
    out = folder / "out"
    out.mkdir()

    def train() -> Path:
        SCRIPTS[case.kind].learn(start, case.train, case.held, case.settings, out)
        return out

    return train


def begun(case: Case, folder: Path) -> Path:
    """The model that training begins with: the base with the head that the kind draws for the seed."""
    if case.auto is None:
        return case.base
    import shutil

    from runner.builders._finetuning.heads import Head, open_with_head

    shutil.copytree(case.base, folder)
    names = dict(enumerate(case.settings.classes or ("score",)))
    own = {} if case.auto == "AutoModelForQuestionAnswering" else {
        "num_labels": len(names), "id2label": names, "label2id": {name: at for at, name in names.items()},
    }  # fmt: skip
    if case.kind in ("text_regression", "image_regression"):
        own["problem_type"] = "regression"
    detects = case.kind == "object_detection"
    head = Head(case.auto, "MODEL_MAPPING_NAMES", None, settings=own)
    drawn: Any = "lacking" if detects else "all"
    open_with_head(case.base, head, "cpu", case.settings.seed, drawn=drawn).save_pretrained(folder)
    return folder


def profiled(case: Case, folder: Path) -> None:
    """Where this side's time goes."""
    import cProfile
    import pstats

    by_runner(case.few(), Path(tempfile.mkdtemp(dir=folder)))()
    train = by_runner(case, Path(tempfile.mkdtemp(dir=folder)))
    profile = cProfile.Profile(time.process_time)
    profile.runcall(train)
    for order in ("cumulative", "tottime"):
        pstats.Stats(profile).sort_stats(order).print_stats(45)


# Models


def encoder(folder: Path) -> Path:
    """The first layers of the encoder of texts, without dropout, as sentence-transformers reads a model too."""
    import shutil

    from transformers import AutoModel

    source, made = pretrained.resolve(ENCODER, cache=folder), folder / "encoder"
    shutil.copytree(source, made, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "onnx", "openvino"))
    model = AutoModel.from_pretrained(source)
    model.encoder.layer = model.encoder.layer[:LAYERS]
    config = model.config
    config.num_hidden_layers, config.hidden_dropout_prob, config.attention_probs_dropout_prob = LAYERS, 0.0, 0.0
    model.save_pretrained(made)
    return made


def made(name: str, folder: Path) -> Path:
    found = made_models.made(name, folder)
    assert found is not None
    return found


def detector(folder: Path) -> Path:
    """A YOLOS of 0.4 million parameters, drawn at random, that reads 128 times 128 pixels and finds up to 40 boxes."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(SEED)
    side, made = 128, folder / "yolos"
    config = YolosConfig(
        hidden_size=96, intermediate_size=192, num_hidden_layers=4, num_attention_heads=4, image_size=[side, side],
        patch_size=16, num_detection_tokens=40, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        num_labels=3,
    )  # fmt: skip
    YolosForObjectDetection(config).save_pretrained(made)
    processor = {
        "image_processor_type": "YolosImageProcessor", "do_resize": True, "size": {"height": side, "width": side},
        "resample": 2, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3, "do_pad": False, "format": "coco_detection",
    }  # fmt: skip
    (made / "preprocessor_config.json").write_text(json.dumps(processor), "utf-8")
    return made


# Rows


def lines(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def cut(rows: Rows, count: int) -> Rows:
    """At most so many of them, drawn."""
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    return [rows[at] for at in order.tolist()]


def banking(data: Path, folder: Path) -> Case:
    rows = lines(data / "classify_banking77.csv")
    train, held = (
        [{"text": row["text"].strip(), "label": row["label"]} for row in rows if row["split"] == split]
        for split in ("train", "test")
    )
    classes = tuple(sorted({row["label"] for row in train})[:16])
    train, held = ([row for row in rows if row["label"] in classes] for rows in (train, held))
    settings = Settings(4, 32, 1e-3, SEED, 48, classes=classes)
    data_fields = {"max_samples": None}
    return Case("text_classification", "accuracy", encoder(folder), "AutoModelForSequenceClassification",
                cut(train, LEARNED), held, settings, {"max_length": 48}, data_fields)  # fmt: skip


def alike(data: Path) -> tuple[Rows, Rows]:
    """Pairs of sentences of the STS benchmark, how alike people find them from 0 to 1."""
    rows = lines(data / "sts_benchmark_open.csv")
    train, held = (
        [
            {"text": row["sentence1"].strip(), "other": row["sentence2"].strip(), "label": float(row["score"]) / 5}
            for row in rows
            if row["split"] == split
        ]
        for split in ("train", "test")
    )
    return cut(train, LEARNED), cut(held, HELD)


def regression(data: Path, folder: Path) -> Case:
    train, held = alike(data)
    values = np.array([row["label"] for row in train])
    settings = Settings(3, 32, 5e-4, SEED, 64, scale=(float(values.mean()), float(values.std())))
    more = {"text_columns": ["text", "other"], "target_columns": "label"}
    return Case("text_regression", "R²", encoder(folder), "AutoModelForSequenceClassification", train, held, settings,
                {"max_length": 64}, more)  # fmt: skip


def entities(data: Path, folder: Path) -> Case:
    rows = [row for row in lines(data / "ner_wnut17.jsonl") if row["tokens"]]
    train, held = (
        [{"tokens": row["tokens"], "tags": row["tags"]} for row in rows if row["split"] == split]
        for split in ("train", "test")
    )
    kinds = sorted({tag[2:] for row in train for tag in row["tags"] if tag != "O"})
    classes = ("O", *(f"{mark}-{kind}" for kind in kinds for mark in "BI"))
    settings = Settings(4, 32, 1e-3, SEED, 128, classes=classes)
    return Case("token_classification", "F1 of entities", encoder(folder), "AutoModelForTokenClassification",
                cut(train, LEARNED), cut(held, HELD), settings, {"max_length": 128, "stride": 32})  # fmt: skip


def questions(data: Path, folder: Path) -> Case:
    """XQuAD's questions that have an answer, each on the sentences around it."""
    import re

    import pyarrow.parquet as pq

    rows = []
    for row in pq.read_table(data / "qa_xquad_en.parquet").to_pylist():
        if not row["answers"]["text"]:
            continue
        context, text, start = row["context"], row["answers"]["text"][0], row["answers"]["answer_start"][0]
        first = max((found.end() for found in re.finditer(r"[.!?] ", context[:start])), default=0)
        ending = re.search(r"[.!?](?= |$)", context[start + len(text) :])
        last = start + len(text) + ending.end() if ending else len(context)
        answers = {"text": [text], "answer_start": [start - first]}
        rows.append({"question": row["question"].strip(), "context": context[first:last], "answers": answers})
    rows = list(cut(rows, LEARNED + HELD))
    settings = Settings(2, 32, 1e-3, SEED, 192)
    fields = {"max_length": 192, "doc_stride": 32, "max_question_length": 128}
    return Case("extractive_qa", "F1 of words", encoder(folder), "AutoModelForQuestionAnswering", rows[:LEARNED],
                rows[LEARNED:], settings, fields)  # fmt: skip


def descriptions(data: Path, folder: Path) -> Case:
    rows = lines(data / "seq2seq_e2e_nlg.jsonl")
    train, held = (
        [{"source": row["meaning_representation"], "target": row["reference"]} for row in rows if row["split"] == split]
        for split in ("train", "test")
    )
    settings = Settings(3, 8, 5e-3, SEED, 256, 256)
    fields = {"max_length": 256, "max_target_length": 256, "evaluation": {"limit": WRITTEN}}
    return Case("seq2seq", "tokens foretold", made("runner/tiny-t5", folder), None, cut(train, LEARNED),
                cut(held, HELD), settings, fields)  # fmt: skip


def vectors(data: Path, folder: Path) -> Case:
    train, held = alike(data)
    columns = {"anchor": "text", "positive": "other", "score": "label"}
    return Case("sentence_embedding", "rank correlation", encoder(folder), None, train, held,
                Settings(2, 32, 1e-4, SEED, 64), {"max_length": 64}, {"columns": columns, "score_range": [0, 1]},
                )  # fmt: skip


def pairs(data: Path, folder: Path) -> Case:
    own = vectors(data, folder)
    return replace(own, kind="cross_encoder", auto="AutoModelForSequenceClassification",
                   settings=Settings(3, 32, 5e-4, SEED, 96), fields={"max_length": 96})  # fmt: skip


def digits(folder: Path, target: str, count: int) -> tuple[Rows, Rows]:
    """Scikit-learn's written digits as PNGs: which digit, or how much ink."""
    from PIL import Image
    from sklearn.datasets import load_digits

    found, rows = load_digits(), []
    (folder / "digits").mkdir()
    for at, (pixels, digit) in enumerate(zip(found.images, found.target, strict=True)):
        path = folder / "digits" / f"{at}.png"
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(path)
        label: Any = f"digit {digit}" if target == "digit" else float(pixels.sum())
        rows.append({"image": str(path), "label": label})
    rows = list(cut(rows, count))
    return rows[: count * 3 // 4], rows[count * 3 // 4 :]


def pictures(data: Path, folder: Path) -> Case:
    train, held = digits(folder, "digit", DIGITS)
    classes = tuple(f"digit {at}" for at in range(10))
    return Case("image_classification", "accuracy", made("runner/tiny-vit", folder), "AutoModelForImageClassification",
                train, held, Settings(6, 32, 3e-3, SEED, classes=classes),
                {"augmentation": None, "fit": "squash"},
                {"max_samples": None, "image_folder": str(folder)})  # fmt: skip


def numbers(data: Path, folder: Path) -> Case:
    train, held = digits(folder, "ink", DIGITS)
    values = np.array([row["label"] for row in train])
    settings = Settings(6, 32, 3e-3, SEED, scale=(float(values.mean()), float(values.std())))
    return Case("image_regression", "R²", made("runner/tiny-vit", folder), "AutoModelForImageClassification", train,
                held, settings, {"augmentation": None, "fit": "squash"},
                {"columns": {"target": "label"}, "max_samples": None, "image_folder": str(folder)})  # fmt: skip


def cells(data: Path, folder: Path) -> Case:
    place = data / "detect_bccd"
    rows = [row | {"image": str(place / row["image"])} for row in lines(place / "index.jsonl")]
    keep = ("image", "width", "height", "objects")
    train, held = (
        [{name: row[name] for name in keep} for row in rows if row["split"] == split] for split in ("train", "test")
    )
    classes = tuple(sorted({one["label"] for row in rows for one in row["objects"]}))
    return Case("object_detection", "minus the loss", detector(folder), "AutoModelForObjectDetection", train, held,
                Settings(6, 6, 1e-3, SEED, classes=classes), {"augmentation": None},
                {"max_samples": None, "image_folder": str(place), "box_format": "xyxy"})  # fmt: skip


CASES: dict[str, Callable[[Path, Path], Case]] = {
    "text_classification": banking,
    "text_regression": regression,
    "token_classification": entities,
    "extractive_qa": questions,
    "seq2seq": descriptions,
    "sentence_embedding": vectors,
    "cross_encoder": pairs,
    "image_classification": pictures,
    "image_regression": numbers,
    "object_detection": cells,
}

if __name__ == "__main__":
    main()
