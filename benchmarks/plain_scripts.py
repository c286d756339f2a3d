"""Each family's training as a script of its own library writes it: what `families.py` puts its kinds beside.

A script gets the folder of the model that training begins with, rows and :class:`Settings`; it makes tokens, trains,
measures the held-out rows after every epoch, writes a folder, opens that again and says what it finds in the held-out
rows. ``answers`` opens a folder and says that alone: `families.py` asks it of both sides' models.

The rows of every batch are those that the kinds take, which `runner.training.tokens` draws.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.training.tokens import grouped_by_length

Rows = Sequence[dict[str, Any]]
#: Rows that are measured at a time.
MEASURED = 64
#: What an encoder may be told of a text's tokens.
TOLD = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True)
class Settings:
    """How both sides train: AdamW at one rate without decay, gradients cut at 1."""

    epochs: int
    batch: int
    rate: float
    seed: int
    #: Tokens of a row, or of a target.
    length: int = 128
    target_length: int = 128
    #: What a number is learned as: minus the first, over the second.
    scale: tuple[float, float] = (0.0, 1.0)
    #: Classes, in the order of the head's outputs.
    classes: tuple[str, ...] = ()

    def order(self, lengths: Sequence[int] | int) -> list[np.ndarray]:
        """The rows of every epoch, of their lengths, or of how many there are."""
        count = lengths if isinstance(lengths, int) else len(lengths)

        def drawn(rng: np.random.Generator) -> np.ndarray:
            return rng.permutation(count)

        order = drawn if isinstance(lengths, int) else grouped_by_length(drawn, np.asarray(lengths), self.batch)
        return [order(np.random.default_rng([self.seed, epoch])) for epoch in range(1, self.epochs + 1)]


@dataclass(frozen=True)
class Script:
    """``learn(start, train, held, settings, out)`` writes a model into ``out``; ``answers(folder, held, settings)``
    gives float64 ``[n, ...]``, a row's numbers, of which ``figure`` makes the family's figure, at most 1."""

    learn: Callable[[Path, Rows, Rows, Settings, Path], Any]
    answers: Callable[[Path, Rows, Settings], np.ndarray]
    figure: Callable[[np.ndarray], float]


# The trainer of transformers


def trained(
    model: Any, rows: Any, held: Any, collator: Any, lengths: Sequence[int] | int, settings: Settings, out: Path,
    measures: Any = None, **words: Any,
) -> Any:  # fmt: skip
    """Train by the library's ``Trainer``, and measure after every epoch."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    orders = settings.order(lengths)

    class InOrder(Trainer):  # type: ignore[misc]
        def _get_train_sampler(self, *_: Any) -> Any:
            return EpochRows(orders)

    arguments = TrainingArguments(**arguments_of(settings, out), remove_unused_columns=False, **words)
    trainer = InOrder(
        model=model, args=arguments, train_dataset=rows, eval_dataset=held, data_collator=collator,
        compute_metrics=measures,
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model(str(out))
    return trainer


def arguments_of(settings: Settings, out: Path) -> dict[str, Any]:
    return {
        "output_dir": str(out), "per_device_train_batch_size": settings.batch, "per_device_eval_batch_size": MEASURED,
        "num_train_epochs": settings.epochs, "learning_rate": settings.rate, "weight_decay": 0.0,
        "lr_scheduler_type": "constant", "max_grad_norm": 1.0, "eval_strategy": "epoch", "save_strategy": "no",
        "logging_strategy": "no", "report_to": "none", "disable_tqdm": True, "use_cpu": True, "seed": settings.seed,
        "dataloader_pin_memory": False,
    }  # fmt: skip


class EpochRows(torch.utils.data.Sampler):  # type: ignore[type-arg]
    """The rows of one epoch after the other."""

    def __init__(self, orders: Sequence[np.ndarray]) -> None:
        self._orders, self._at = orders, 0

    def __len__(self) -> int:
        return len(self._orders[0])

    def __iter__(self) -> Iterator[int]:
        order = self._orders[self._at]
        self._at += 1
        yield from order.tolist()


def batches(count: int) -> list[range]:
    return [range(at, min(at + MEASURED, count)) for at in range(0, count, MEASURED)]


# Texts with classes and numbers


def _texts(tokenizer: Any, rows: Rows, settings: Settings) -> list[dict[str, Any]]:
    one = [row["text"] for row in rows]
    other = [row["other"] for row in rows] if "other" in rows[0] else None
    read = tokenizer(one, other, truncation=True, max_length=settings.length)
    return [{name: read[name][at] for name in read} for at in range(len(rows))]


def _wanted(rows: Rows, settings: Settings) -> list[Any]:
    if settings.classes:
        number = {name: at for at, name in enumerate(settings.classes)}
        return [number[row["label"]] for row in rows]
    mean, deviation = settings.scale
    return [(row["label"] - mean) / deviation for row in rows]


def texts_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(start)
    sides = []
    for rows in (train, held):
        read = _texts(tokenizer, rows, settings)
        sides.append([own | {"labels": label} for own, label in zip(read, _wanted(rows, settings), strict=True)])
    model = AutoModelForSequenceClassification.from_pretrained(start)
    lengths = [len(row["input_ids"]) for row in sides[0]]
    trained(model, *sides, DataCollatorWithPadding(tokenizer), lengths, settings, out, _logits_measured)
    tokenizer.save_pretrained(out)
    texts_answers(out, held, settings)


def _logits_measured(found: Any) -> dict[str, float]:
    logits, labels = found
    if logits.shape[1] > 1:
        return {"accuracy": float((logits.argmax(axis=1) == labels).mean())}
    return {"rmse": float(np.sqrt(((logits[:, 0] - labels) ** 2).mean()))}


def texts_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """What is said and what is true, ``[n, 2]``."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    rows, found = _texts(tokenizer, held, settings), []
    for some in batches(len(held)):
        with torch.inference_mode():
            found.append(model(**tokenizer.pad([rows[at] for at in some], return_tensors="pt")).logits)
    return _said(torch.cat(found), _wanted(held, settings))


def _said(logits: torch.Tensor, wanted: list[Any]) -> np.ndarray:
    said = logits.argmax(dim=1) if logits.shape[1] > 1 else logits[:, 0]
    return np.stack([said.double().numpy(), np.array(wanted, np.float64)], axis=1)


def accuracy(found: np.ndarray) -> float:
    return float((found[:, 0] == found[:, 1]).mean())


def r2(found: np.ndarray) -> float:
    return 1 - float(((found[:, 0] - found[:, 1]) ** 2).sum() / ((found[:, 1] - found[:, 1].mean()) ** 2).sum())


def rank_correlation(found: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(found[:, 0], found[:, 1]).statistic)


# Words with tags


def _words(tokenizer: Any, rows: Rows, settings: Settings) -> list[dict[str, Any]]:
    read = tokenizer([row["tokens"] for row in rows], is_split_into_words=True, truncation=True,
                     max_length=settings.length)  # fmt: skip
    number = {name: at for at, name in enumerate(settings.classes)}
    found = []
    for at, row in enumerate(rows):
        labels, before = [], None
        for word in read.word_ids(at):
            labels.append(-100 if word is None or word == before else number[row["tags"][word]])
            before = word
        found.append({"input_ids": read["input_ids"][at], "attention_mask": read["attention_mask"][at]})
        found[-1]["labels"] = labels
    return found


def words_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification

    tokenizer = AutoTokenizer.from_pretrained(start)
    sides = [_words(tokenizer, rows, settings) for rows in (train, held)]

    def measured(found: Any) -> dict[str, float]:
        logits, labels = found
        said = logits.argmax(axis=-1)
        known = labels != -100
        pairs = zip(said, labels, known, strict=True)
        return {"f1": entity_f1(np.array([_entity_counts(one[its], two[its], settings) for one, two, its in pairs]))}

    model = AutoModelForTokenClassification.from_pretrained(start)
    lengths = [len(row["input_ids"]) for row in sides[0]]
    trained(model, *sides, DataCollatorForTokenClassification(tokenizer), lengths, settings, out, measured)
    tokenizer.save_pretrained(out)
    words_answers(out, held, settings)


def words_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """Entities that are right, found, and there: ``[n, 3]``."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    rows, found, collate = _words(tokenizer, held, settings), [], DataCollatorForTokenClassification(tokenizer)
    for some in batches(len(held)):
        batch = collate([rows[at] for at in some])
        labels = batch.pop("labels").numpy()
        with torch.inference_mode():
            said = model(**batch).logits.argmax(dim=-1).numpy()
        pairs = zip(said, labels, strict=True)
        found += [_entity_counts(one[two != -100], two[two != -100], settings) for one, two in pairs]
    return np.array(found, np.float64)


def _entity_counts(said: np.ndarray, true: np.ndarray, settings: Settings) -> tuple[int, int, int]:
    one, two = (_entities([settings.classes[at] for at in tags.tolist()]) for tags in (said, true))
    return len(one & two), len(one), len(two)


def _entities(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """First word, word behind the last, type; as seqeval reads IOB2 by default."""
    found, start, kind = set(), 0, ""
    for at, tag in enumerate([*tags, "O"]):
        mark, _, own = tag.partition("-")
        if kind and (mark != "I" or own != kind):
            found.add((start, at, kind))
            kind = ""
        if mark == "B" or (mark == "I" and not kind):
            start, kind = at, own
    return found


def entity_f1(found: np.ndarray) -> float:
    right, said, true = found.sum(axis=0)
    return float(2 * right / max(1, said + true))


# Questions


def _questions(tokenizer: Any, rows: Rows, settings: Settings) -> Any:
    return tokenizer(
        [row["question"] for row in rows], [row["context"] for row in rows], truncation="only_second",
        max_length=settings.length, stride=32, return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip


def questions_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    """As transformers' ``run_qa.py`` does, whose windows without the answer point at the first token."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(start)
    sides: list[list[dict[str, Any]]] = []
    for rows in (train, held):
        read, side = _questions(tokenizer, rows, settings), []
        for at, places in enumerate(read["offset_mapping"]):
            answer = rows[read["overflow_to_sample_mapping"][at]]["answers"]
            begin, end = answer["answer_start"][0], answer["answer_start"][0] + len(answer["text"][0])
            inside = [place for place, text in enumerate(read.sequence_ids(at)) if text == 1]
            first = [place for place in inside if places[place][0] <= begin < places[place][1]]
            last = [place for place in inside if places[place][0] < end <= places[place][1]]
            one, two = (first[0], last[0]) if first and last else (0, 0)
            own = {name: read[name][at] for name in TOLD if name in read}
            side.append(own | {"start_positions": one, "end_positions": two})
        sides.append(side)
    model = AutoModelForQuestionAnswering.from_pretrained(start)
    lengths = [len(row["input_ids"]) for row in sides[0]]
    trained(model, *sides, DataCollatorWithPadding(tokenizer), lengths, settings, out,
            label_names=["start_positions", "end_positions"])  # fmt: skip
    tokenizer.save_pretrained(out)
    questions_answers(out, held, settings)


def questions_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """F1 of the words of each answer, ``[n, 1]``."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    read = _questions(tokenizer, held, settings)
    names = [name for name in TOLD if name in read]
    best: dict[int, tuple[float, str]] = {}
    for some in batches(len(read["input_ids"])):
        rows = [{name: read[name][at] for name in names} for at in some]
        with torch.inference_mode():
            output = model(**tokenizer.pad(rows, return_tensors="pt"))
        for place, at in enumerate(some):
            number = read["overflow_to_sample_mapping"][at]
            inside = [token for token, text in enumerate(read.sequence_ids(at)) if text == 1]
            starts, ends = (part[place, inside].numpy() for part in (output.start_logits, output.end_logits))
            sums = starts[:, None] + ends[None, :]
            width = np.arange(len(inside))
            far = width[None, :] - width[:, None]
            sums[(far < 0) | (far >= 30)] = -np.inf
            one, two = divmod(int(sums.argmax()), len(inside))
            places = read["offset_mapping"][at]
            text = held[number]["context"][places[inside[one]][0] : places[inside[two]][1]]
            best[number] = max(best.get(number, (-np.inf, "")), (float(sums[one, two]), text))
    return np.array([[_word_f1(best[at][1], row["answers"]["text"][0])] for at, row in enumerate(held)])


def _word_f1(said: str, true: str) -> float:
    """SQuAD's."""
    import re
    import string
    from collections import Counter

    one, two = (
        re.sub(r"\b(a|an|the)\b", " ", "".join(each for each in text.lower() if each not in string.punctuation)).split()
        for text in (said, true)
    )
    same = sum((Counter(one) & Counter(two)).values())
    return 2 * same / (len(one) + len(two)) if same else 0.0


def mean(found: np.ndarray) -> float:
    return float(found.mean())


# Texts turned into others


def _targets(tokenizer: Any, rows: Rows, settings: Settings) -> list[dict[str, Any]]:
    read = tokenizer([row["source"] for row in rows], truncation=True, max_length=settings.length)
    wanted = tokenizer(text_target=[row["target"] for row in rows], truncation=True, max_length=settings.target_length)
    names = ("input_ids", "attention_mask")
    found = [{name: read[name][at] for name in names} for at in range(len(rows))]
    return [own | {"labels": labels} for own, labels in zip(found, wanted["input_ids"], strict=True)]


def targets_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq

    tokenizer = AutoTokenizer.from_pretrained(start)
    sides = [_targets(tokenizer, rows, settings) for rows in (train, held)]
    model = AutoModelForSeq2SeqLM.from_pretrained(start)
    lengths = [len(row["input_ids"]) + len(row["labels"]) for row in sides[0]]
    trained(model, *sides, DataCollatorForSeq2Seq(tokenizer, model), lengths, settings, out,
            prediction_loss_only=True)  # fmt: skip
    tokenizer.save_pretrained(out)
    targets_answers(out, held, settings)
    model.eval()
    read = tokenizer([row["source"] for row in held[:WRITTEN]], return_tensors="pt", padding=True)
    read.pop("token_type_ids", None)
    with torch.inference_mode():
        made = model.generate(**read, max_new_tokens=settings.target_length, do_sample=False)
    tokenizer.batch_decode(made, skip_special_tokens=True)


#: Targets that are written.
WRITTEN = 32


def targets_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """Tokens that are foretold right, and how many there are: ``[n, 2]``."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    rows, found, collate = _targets(tokenizer, held, settings), [], DataCollatorForSeq2Seq(tokenizer, model)
    for some in batches(len(held)):
        batch = collate([rows[at] for at in some])
        with torch.inference_mode():
            said = model(**batch).logits.argmax(dim=-1)
        known = batch["labels"] != -100
        found.append(torch.stack([((said == batch["labels"]) & known).sum(dim=1), known.sum(dim=1)], dim=1))
    return torch.cat(found).double().numpy()


def token_accuracy(found: np.ndarray) -> float:
    right, there = found.sum(axis=0)
    return float(right / there)


# Pairs of texts: the trainers of sentence-transformers


def _in_order(orders: Sequence[np.ndarray]) -> Any:
    """What that library takes as ``batch_sampler``."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class InOrder(DefaultBatchSampler):  # type: ignore[misc]
        def __init__(self, dataset: Any, batch_size: int, drop_last: bool, **words: Any) -> None:
            super().__init__(EpochRows(orders), batch_size=batch_size, drop_last=drop_last)

    return InOrder


def vectors_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
    from sentence_transformers.sentence_transformer.losses import CoSENTLoss
    from transformers import PrinterCallback

    model = SentenceTransformer(str(start), device="cpu")
    model.max_seq_length = settings.length
    read = [model.tokenizer([row[name] for row in train], truncation=True, max_length=settings.length)["input_ids"]
            for name in ("text", "other")]  # fmt: skip
    lengths = [len(one) + len(two) for one, two in zip(*read, strict=True)]
    texts = [[row[name] for row in held] for name in ("text", "other")]
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            **arguments_of(settings, out), batch_sampler=_in_order(settings.order(lengths))
        ),
        train_dataset=Dataset.from_list(
            [{"sentence1": row["text"], "sentence2": row["other"], "score": row["label"]} for row in train]
        ),
        loss=CoSENTLoss(model),
        evaluator=EmbeddingSimilarityEvaluator(*texts, [row["label"] for row in held], batch_size=MEASURED),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.save_pretrained(str(out), create_model_card=False)
    vectors_answers(out, held, settings)


def vectors_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """The cosine of both vectors, and how alike people find the two: ``[n, 2]``."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    one, two = (model.encode([row[name] for row in held], batch_size=MEASURED, show_progress_bar=False,
                             normalize_embeddings=True) for name in ("text", "other"))  # fmt: skip
    return np.stack([(one * two).sum(axis=1), [row["label"] for row in held]], axis=1).astype(np.float64)


def pairs_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderCorrelationEvaluator
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers import PrinterCallback

    model = CrossEncoder(str(start), num_labels=1, max_length=settings.length, device="cpu")
    lengths = [len(ids) for ids in model.tokenizer(
        [row["text"] for row in train], [row["other"] for row in train], truncation=True, max_length=settings.length
    )["input_ids"]]  # fmt: skip
    trainer = CrossEncoderTrainer(
        model=model,
        args=CrossEncoderTrainingArguments(
            **arguments_of(settings, out), batch_sampler=_in_order(settings.order(lengths))
        ),
        train_dataset=Dataset.from_list(
            [{"one": row["text"], "two": row["other"], "label": row["label"]} for row in train]
        ),
        loss=BinaryCrossEntropyLoss(model),
        evaluator=CrossEncoderCorrelationEvaluator(
            [[row["text"], row["other"]] for row in held], [row["label"] for row in held], batch_size=MEASURED
        ),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.save_pretrained(str(out))
    pairs_answers(out, held, settings)


def pairs_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """The score, and how alike people find the two: ``[n, 2]``."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), max_length=settings.length, device="cpu")
    said = model.predict([(row["text"], row["other"]) for row in held], batch_size=MEASURED, show_progress_bar=False)
    return np.stack([said, [row["label"] for row in held]], axis=1).astype(np.float64)


# Pictures


def _picture_batch(processor: Any, rows: Rows) -> dict[str, torch.Tensor]:
    from PIL import Image

    images = []
    for row in rows:
        with Image.open(row["image"]) as image:
            images.append(image.convert("RGB"))
    return {"pixel_values": processor(images=images, return_tensors="pt")["pixel_values"]}


def _processor(folder: Path) -> Any:
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(folder, backend="pil")


def pictures_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    """Pictures are read when they are needed, as the library's examples do."""
    from transformers import AutoModelForImageClassification

    processor = _processor(start)

    def collate(rows: Rows) -> dict[str, torch.Tensor]:
        return _picture_batch(processor, rows) | {"labels": torch.tensor(_wanted(rows, settings))}

    model = AutoModelForImageClassification.from_pretrained(start)
    trained(model, list(train), list(held), collate, len(train), settings, out, _logits_measured)
    processor.save_pretrained(out)
    pictures_answers(out, held, settings)


def pictures_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """What is said and what is true, ``[n, 2]``."""
    from transformers import AutoModelForImageClassification

    processor = _processor(folder)
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        found = [model(**_picture_batch(processor, held[some.start : some.stop])).logits for some in batches(len(held))]
    return _said(torch.cat(found), _wanted(held, settings))


def boxes_learn(start: Path, train: Rows, held: Rows, settings: Settings, out: Path) -> None:
    """A loop by hand: the model's own loss, and what it finds after every epoch."""
    from transformers import AutoModelForObjectDetection

    processor = _processor(start)
    model = AutoModelForObjectDetection.from_pretrained(start)
    optimizer = torch.optim.AdamW(model.parameters(), settings.rate, weight_decay=0.0, fused=True)
    for order in settings.order(len(train)):
        model.train()
        for at in range(0, len(order), settings.batch):
            rows = [train[row] for row in order[at : at + settings.batch].tolist()]
            model(**_picture_batch(processor, rows), labels=_boxes(rows, settings)).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        _found_in(model.eval(), processor, held, settings)
    model.save_pretrained(out)
    processor.save_pretrained(out)
    shutil.copyfile(start / "preprocessor_config.json", out / "preprocessor_config.json")
    boxes_answers(out, held, settings)


def _boxes(rows: Rows, settings: Settings) -> list[dict[str, torch.Tensor]]:
    """Centres and sizes as shares of the picture."""
    found = []
    for row in rows:
        own = np.array([one["bbox"] for one in row["objects"]], np.float64)
        own = own / np.array([row["width"], row["height"]] * 2)
        places = np.concatenate([(own[:, :2] + own[:, 2:]) / 2, own[:, 2:] - own[:, :2]], axis=1)
        labels = torch.tensor([settings.classes.index(one["label"]) for one in row["objects"]])
        found.append({"class_labels": labels, "boxes": torch.from_numpy(places).float()})
    return found


def boxes_answers(folder: Path, held: Rows, settings: Settings) -> np.ndarray:
    """The loss of each picture by itself, ``[n, 1]``."""
    from transformers import AutoModelForObjectDetection

    return _found_in(AutoModelForObjectDetection.from_pretrained(folder).eval(), _processor(folder), held, settings)


def _found_in(model: Any, processor: Any, held: Rows, settings: Settings) -> np.ndarray:
    losses = []
    with torch.inference_mode():
        for row in held:
            losses.append(float(model(**_picture_batch(processor, [row]), labels=_boxes([row], settings)).loss))
    return np.array(losses)[:, None]


def less_of(found: np.ndarray) -> float:
    """Minus the mean loss: the greater, the better."""
    return -float(found.mean())


SCRIPTS = {
    "text_classification": Script(texts_learn, texts_answers, accuracy),
    "text_regression": Script(texts_learn, texts_answers, r2),
    "token_classification": Script(words_learn, words_answers, entity_f1),
    "extractive_qa": Script(questions_learn, questions_answers, mean),
    "seq2seq": Script(targets_learn, targets_answers, token_accuracy),
    "sentence_embedding": Script(vectors_learn, vectors_answers, rank_correlation),
    "cross_encoder": Script(pairs_learn, pairs_answers, rank_correlation),
    "image_classification": Script(pictures_learn, pictures_answers, accuracy),
    "image_regression": Script(pictures_learn, pictures_answers, r2),
    "object_detection": Script(boxes_learn, boxes_answers, less_of),
}
