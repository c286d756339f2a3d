"""Rows, pictures and base models that no transformer with a head can be fine-tuned on."""

from __future__ import annotations

import json
import zlib
from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.finetuned_materials import (
    ROWS,
    base,
    classed,
    coco,
    folders,
    lacking,
    measured,
    numbered,
    paired,
    picture,
    questions,
    refused,
    tagged,
    tuned,
    turned,
    wrong,
)
from tests.bad_inputs.language_materials import changed

BASE = "/model/spec/base_model_name"

TEXTS = [
    lacking("a text column that is not there", tuned("text_classification", {"text_columns": "body"}), "body"),
    lacking(
        "no column of texts",
        tuned("text_classification"),
        "/data/text_columns",
        "no column has a usual name",
        rows=[{"a": "b", "label": "c"}] * 6,
    ),
    lacking(
        "no column of classes",
        tuned("text_classification"),
        "/data/target_columns",
        "no column has a usual name",
        rows=[{"text": f"t {at}"} for at in range(6)],
    ),
    lacking(
        "texts of one class",
        tuned("text_classification"),
        "/data/target_columns",
        "1 class in the rows of training",
        rows=classed(label="ham"),
    ),
    lacking("texts that are all empty", tuned("text_classification"), "empty", rows=classed(text="")),
    lacking("classes that are all missing", tuned("text_classification"), "missing_target 8", rows=classed(label=None)),
    lacking(
        "a class for each text",
        tuned("text_classification"),
        "/data/target_columns",
        "looks like an identifier",
        rows=[row | {"label": f"c{at}"} for at, row in enumerate(classed())],
    ),
    lacking(
        "a weight of no class",
        tuned("text_classification", class_weights={"eggs": 2.0}),
        "/model/spec/class_weights",
        "eggs",
    ),
    lacking(
        "one text", tuned("text_classification"), "/data/validation_split", "cannot be divided", rows=classed()[:1]
    ),
    refused(
        "a column that is text and target",
        tuned("text_classification", {"text_columns": "text", "target_columns": "text"}),
        "two meanings",
        code=3,
    ),
    lacking("numbers that are words", tuned("text_regression"), "score", rows=measured(lambda at: "good")),
    lacking(
        "numbers written with a comma",
        tuned("text_regression"),
        "score",
        "decimal",
        rows=measured(lambda at: f"{at},5"),
    ),
    lacking(
        "numbers that are all one",
        tuned("text_regression"),
        "/data",
        "in every row of training",
        rows=measured(lambda at: 1.0),
    ),
    lacking(
        "numbers that are not finite", tuned("text_regression"), "infinite_target 8", rows=measured(lambda at: "inf")
    ),
    lacking(
        "numbers with units",
        tuned("text_regression"),
        "rows.jsonl:1",
        "'0 kg', which is not a number",
        rows=measured(lambda at: f"{at} kg"),
    ),
    lacking(
        "fewer tags than tokens",
        tuned("token_classification"),
        "length_mismatch",
        "line 1: 3 tokens and 2 tags",
        rows=tagged(tags=["O", "O"]),
    ),
    lacking(
        "tags that are numbers without names", tuned("token_classification"), "tag_names", rows=tagged(tags=[1, 0, 2])
    ),
    lacking(
        "a tag number beyond its names",
        tuned("token_classification", {"tag_names": ["O", "B-PER"]}),
        "tag_number_unknown",
        "a tag is 2, and 2 have names",
        rows=tagged(tags=[1, 0, 2]),
    ),
    lacking(
        "tags without an entity",
        tuned("token_classification"),
        "/data/dataset",
        "every tag is O",
        rows=tagged(tags=["O", "O", "O"]),
    ),
    lacking(
        "tokens that are no list", tuned("token_classification"), "tokens_no_list", "line 1", rows=tagged(tokens=7)
    ),
    lacking(
        "a span beyond its text",
        tuned("token_classification"),
        "span_outside_text",
        "0 to 99",
        rows=[{"text": f"Anna {at}", "spans": [{"start": 0, "end": 99, "label": "PER"}]} for at in range(ROWS)],
    ),
    lacking(
        "entity types that no row has",
        tuned("token_classification", {"entity_types": ["CITY"]}),
        "unknown_type",
        "data.entity_types",
    ),
    wrong(
        "windows that share all that they have",
        tuned("token_classification", max_length=16, stride=14),
        "/model/spec/stride",
    ),
    lacking("contexts that are empty", tuned("extractive_qa"), "empty_context", rows=questions(context="")),
    lacking(
        "answers that are not in their contexts",
        tuned("extractive_qa"),
        "answer_not_in_context",
        "'blue' is not in the context",
        rows=questions(answers={"text": ["blue"], "answer_start": [0]}),
    ),
    lacking(
        "questions without answers alone",
        tuned("extractive_qa"),
        "/data/dataset",
        "no question of training has an answer",
        rows=questions(answers={"text": [], "answer_start": []}),
    ),
    lacking("questions that are empty", tuned("extractive_qa"), "empty_question", rows=questions(question=" ")),
    lacking(
        "no column of contexts",
        tuned("extractive_qa"),
        "/data/columns",
        "no column is the context",
        rows=[{"question": "a", "answers": "b"}] * 6,
    ),
    wrong(
        "a window without room for its question",
        tuned("extractive_qa", max_length=32, doc_stride=0, max_question_length=30),
        "/model/spec/max_question_length",
    ),
    lacking(
        "sources without targets",
        tuned("seq2seq"),
        "/data/columns",
        "no column is known as its target",
        rows=[{"source": f"a {at}"} for at in range(6)],
    ),
    lacking(
        "targets that are empty", tuned("seq2seq"), "empty_target", rows=[row | {"target": ""} for row in turned()]
    ),
    lacking(
        "a language that no translation has",
        tuned("seq2seq", {"columns": {"source_language": "en", "target_language": "xx"}}),
        "no_such_language",
        "no 'xx'",
        rows=[{"translation": {"en": f"a {at}", "de": f"ein {at}"}} for at in range(6)],
    ),
    wrong(
        "a length penalty without beams",
        tuned("seq2seq", writing={"length_penalty": 2.0}),
        "/model/spec/writing/length_penalty",
    ),
]

PAIRS = [
    lacking(
        "positives equal to their negatives",
        tuned("sentence_embedding"),
        "negative_belongs",
        rows=[row | {"negative": row["positive"]} for row in paired()],
    ),
    lacking(
        "positives equal to their anchors",
        tuned("sentence_embedding"),
        "identical_pair",
        rows=[row | {"positive": row["anchor"]} for row in paired()],
    ),
    lacking(
        "scores out of their range",
        tuned("sentence_embedding", {"score_range": [0, 1]}),
        "score_out_of_range",
        rows=[row | {"score": 5 + at} for at, row in enumerate(paired())],
    ),
    lacking(
        "scores of no known range",
        tuned("cross_encoder"),
        "/data/score_range",
        rows=[row | {"score": -50 * at} for at, row in enumerate(paired())],
    ),
    lacking(
        "scores that are words",
        tuned("cross_encoder"),
        "bad_score",
        "'good', which is no number",
        rows=paired(score="good"),
    ),
    lacking("pairs of one score", tuned("cross_encoder"), "nothing to tell apart", rows=paired(score=1.0)),
    lacking("pairs of one class", tuned("cross_encoder"), "nothing to tell apart", rows=paired(label="yes")),
    lacking(
        "one positive for all anchors", tuned("sentence_embedding"), "same second text", rows=paired(positive="here")
    ),
    lacking(
        "a loss of triplets for pairs",
        tuned("sentence_embedding", loss={"loss_type": "triplet"}),
        "/model/spec/loss/loss_type",
    ),
    lacking(
        "a loss of scores for pairs",
        tuned("sentence_embedding", loss={"loss_type": "cosent"}),
        "/model/spec/loss/loss_type",
    ),
    lacking(
        "a form that the columns do not make",
        tuned("sentence_embedding", {"form": "triplet"}),
        "/data/columns",
        "there is no negative column",
    ),
    wrong(
        "a range that begins with the greater",
        tuned("sentence_embedding", {"score_range": [5, 0]}),
        "/data/score_range",
    ),
    lacking(
        "a vector cut to more than it has",
        tuned("sentence_embedding", matryoshka_dims=[4096]),
        "/model/spec/matryoshka_dims",
    ),
    lacking(
        "hard negatives of scored pairs",
        tuned("sentence_embedding", hard_negatives={}),
        "/model/spec/hard_negatives",
        rows=[row | {"score": at % 2} for at, row in enumerate(paired())],
    ),
]


def broken_pictures(bench: Bench) -> None:
    for path in folders(bench).rglob("*.png"):
        path.write_bytes(path.read_bytes()[:40])


def huge(bench: Bench) -> None:
    """Pictures that say of themselves that they have 40,000 times 40,000 pixels."""
    for path in folders(bench).rglob("*.png"):
        whole = bytearray(path.read_bytes())
        whole[16:24] = (40_000).to_bytes(4) * 2
        whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4)
        path.write_bytes(bytes(whole))


def moving(bench: Bench) -> None:
    """Animations whose first frame is cut off."""
    for path in folders(bench).rglob("*.png"):
        path.with_suffix(".gif").write_bytes(picture("GIF", mode="P", colour=3)[:14])
        path.unlink()


def texts_as_pictures(bench: Bench) -> None:
    for path in folders(bench).rglob("*.png"):
        path.write_text("no picture")


def svgs(bench: Bench) -> None:
    for name in ("cat", "dog"):
        for at in range(3):
            bench.write(f"rows/{name}/{at}.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")


def sides_that_differ(bench: Bench) -> None:
    for at in range(3):
        for side, name in (("train", "cat"), ("train", "dog"), ("validation", "cow")):
            bench.write(f"rows/{side}/{name}/{at}.png", picture(colour=(20 * at, len(name), len(side))))


def lost_pictures(bench: Bench) -> None:
    for path in numbered(bench).glob("*.png"):
        path.unlink()


def outward_pictures(bench: Bench) -> None:
    folder = numbered(bench)
    (folder / "metadata.jsonl").write_text(
        "".join(json.dumps({"file_name": "../../etc/passwd", "target": at}) + "\n" for at in range(ROWS))
    )


PICTURES = [
    lacking(
        "pictures cut off in the middle",
        tuned("image_classification"),
        "unreadable 8",
        "it is damaged",
        spoil=broken_pictures,
    ),
    lacking(
        "pictures too large to be read",
        tuned("image_classification"),
        "too_large 8",
        "1,600,000,000 pixels",
        spoil=huge,
    ),
    lacking(
        "texts that are called pictures",
        tuned("image_classification"),
        "unreadable 8",
        "no picture of a kind that is read",
        spoil=texts_as_pictures,
    ),
    refused(
        "drawings that are no pixels",
        tuned("image_classification"),
        "/data/dataset: rows",
        "no picture in the folder",
        spoil=svgs,
    ),
    refused(
        "an empty folder of pictures",
        tuned("image_classification"),
        "/data/dataset: rows",
        "no picture in the folder",
        spoil=lambda bench: (bench.home / "rows").mkdir(),
    ),
    lacking("moving pictures of no frame", tuned("image_classification"), "unreadable 8", spoil=moving),
    lacking(
        "pictures whose numbers are lists",
        tuned("image_regression"),
        "/data/dataset",
        "column 'target' has a list",
        spoil=lambda bench: numbered(bench, lambda at: [at]),
    ),
    lacking(
        "pictures of one class",
        tuned("image_classification"),
        "/data/dataset",
        "fewer than two classes",
        spoil=lambda bench: folders(bench, ("cat",)),
    ),
    lacking(
        "a share of folders of both sides",
        tuned("image_classification", {"validation_split": 0.4}),
        "/data/validation_split",
        "the folders say",
        spoil=sides_that_differ,
    ),
    lacking(
        "two pictures",
        tuned("image_classification"),
        "/data/validation_split",
        "2 pictures cannot be divided",
        spoil=lambda bench: folders(bench, ("cat", "dog"), 1),
    ),
    lacking(
        "numbers of pictures that are words",
        tuned("image_regression"),
        "/data/columns/target",
        "row 1 is 'old'",
        spoil=lambda bench: numbered(bench, lambda at: "old"),
    ),
    lacking(
        "numbers of pictures that are all one",
        tuned("image_regression"),
        "/data",
        "is 1 in every row of training",
        spoil=lambda bench: numbered(bench, lambda at: 1.0),
    ),
    lacking(
        "a table whose pictures are gone",
        tuned("image_regression"),
        "missing_picture 8",
        "there is no file '0.png'",
        spoil=lost_pictures,
    ),
    lacking(
        "a table of files outside of its folder",
        tuned("image_regression"),
        "missing_picture 8",
        "there is no file '../../etc/passwd'",
        spoil=outward_pictures,
    ),
    lacking(
        "a number's column that is not there",
        tuned("image_regression", {"columns": {"target": "age"}}),
        "age",
        spoil=numbered,
    ),
]

BOXES = [
    lacking(
        "boxes outside of their pictures",
        tuned("object_detection"),
        "box_outside",
        spoil=lambda bench: coco(bench, lambda at: [200, 200, 8, 8]),
    ),
    lacking(
        "boxes without a size",
        tuned("object_detection"),
        "box_without_size",
        spoil=lambda bench: coco(bench, lambda at: [2, 2, 0, 6]),
    ),
    lacking(
        "boxes of three numbers",
        tuned("object_detection"),
        "unreadable_box",
        spoil=lambda bench: coco(bench, lambda at: [2, 2, 6]),
    ),
    lacking(
        "boxes of an unknown category",
        tuned("object_detection"),
        "unknown_category 8",
        spoil=lambda bench: coco(bench, categories=[{"id": 7, "name": "tram"}]),
    ),
    lacking(
        "annotations without a box",
        tuned("object_detection"),
        "/data/dataset",
        "no picture has a box",
        spoil=lambda bench: coco(bench, annotations=[]),
    ),
    lacking(
        "two categories of one number",
        tuned("object_detection"),
        "annotations.json",
        "two categories have the id 1",
        spoil=lambda bench: coco(bench, categories=[{"id": 1, "name": "tram"}, {"id": 1, "name": "bus"}]),
    ),
    lacking(
        "categories that are no list",
        tuned("object_detection"),
        "annotations.json",
        "categories are no list",
        spoil=lambda bench: coco(bench, categories=7),
    ),
    lacking(
        "annotations of pictures that are not there",
        tuned("object_detection"),
        "missing_picture 1",
        "lost.png",
        spoil=lambda bench: coco(bench, images=[{"id": 1, "file_name": "lost.png", "width": 9, "height": 9}]),
    ),
    lacking(
        "class names that the boxes do not have",
        tuned("object_detection", {"class_names": ["bus"]}),
        "unknown_category 8",
        spoil=coco,
    ),
    lacking(
        "boxes in shares that are pixels",
        tuned("object_detection", {"box_format": "xyxy", "box_unit": "relative"}),
        "/data/dataset",
        "data.box_unit",
        spoil=coco,
    ),
    lacking(
        "pictures without annotations",
        tuned("object_detection"),
        "/data/dataset",
        "no known annotations",
        spoil=folders,
    ),
]


def without(name: str) -> Any:
    return lambda bench: (base(bench) / name).unlink()


def config(**fields: Any) -> Any:
    return lambda bench: changed(base(bench) / "config.json", **fields)


def slow_tokenizer(bench: Bench) -> None:
    """A tokenizer of characters, of a class that knows no offsets."""
    folder = base(bench)
    (folder / "tokenizer.json").unlink()
    changed(folder / "tokenizer_config.json", tokenizer_class="CanineTokenizer")
    changed(folder / "config.json", vocab_size=None)


def wordless(bench: Bench) -> None:
    """A tokenizer whose vocabulary is empty."""
    changed(base(bench) / "tokenizer.json", model={"type": "WordLevel", "vocab": {}, "unk_token": "x"})


HERE = {"base_model_name": "./base"}
MODELS = [
    refused(
        "a language model to find things with",
        tuned("object_detection", base_model_name="./base"),
        BASE,
        spoil=lambda bench: (coco(bench), base(bench)),
        leaves="failed",
    ),
    lacking(
        "a model of texts for pictures",
        tuned("image_classification", **HERE),
        BASE,
        "bert",
        spoil=lambda bench: (folders(bench), base(bench)),
    ),
    lacking(
        "a model of pictures for texts",
        tuned("text_classification", **HERE),
        BASE,
        "vit",
        spoil=lambda bench: base(bench, "runner/tiny-vit"),
    ),
    lacking("an encoder to write with", tuned("seq2seq", **HERE), BASE, "bert", spoil=base),
    lacking(
        "a model of text and text to find answers", tuned("extractive_qa", base_model_name="runner/tiny-vit"), BASE
    ),
    lacking(
        "a base without a tokenizer",
        tuned("text_classification", **HERE),
        BASE,
        "the tokenizer cannot be read",
        spoil=without("tokenizer.json"),
    ),
    lacking("a tokenizer that knows no places", tuned("extractive_qa", **HERE), BASE, spoil=slow_tokenizer),
    lacking(
        "a tokenizer of no words", tuned("text_classification", **HERE), BASE, "cannot read every text", spoil=wordless
    ),
    lacking(
        "a base that has no weights",
        tuned("text_classification", **HERE),
        BASE,
        "model.safetensors",
        spoil=without("model.safetensors"),
    ),
    lacking(
        "a configuration that is no JSON",
        tuned("text_classification", **HERE),
        BASE,
        "config.json cannot be read",
        spoil=lambda bench: (base(bench) / "config.json").write_text("{"),
    ),
    lacking(
        "a configuration of another width",
        tuned("text_classification", **HERE),
        BASE,
        "of other shapes",
        spoil=config(intermediate_size=999),
    ),
    refused(
        "texts longer than the base reads",
        tuned("text_classification", max_length=100_000),
        "/model/spec/max_length",
        "the model reads at most",
        code=3,
    ),
    wrong("a text of no token", tuned("text_classification", max_length=0), "/model/spec/max_length"),
    lacking(
        "adapters beside layers that are not there",
        tuned("text_classification", finetuning_spec={"method": "lora", "rank": 2, "target_modules": ["nothing"]}),
        "/model/spec/finetuning_spec",
    ),
    wrong("an adapter of a whole training", tuned("text_classification", save_as="adapter"), "/model/spec/save_as"),
    refused(
        "more last layers than there are",
        tuned("text_classification", finetuning_spec={"method": "last_layers", "num_layers": 99}),
        "/model/spec/finetuning_spec/num_layers",
        code=3,
    ),
    lacking(
        "a processor that is no JSON",
        tuned("object_detection", base_model_name="./base"),
        BASE,
        "the image processor cannot be read",
        spoil=lambda bench: (
            coco(bench),
            (base(bench, "runner/tiny-yolos") / "preprocessor_config.json").write_text("{"),
        ),
    ),
    lacking(
        "a processor without sizes",
        tuned("image_classification", base_model_name="./base"),
        BASE,
        "image processor",
        spoil=lambda bench: (
            folders(bench),
            (base(bench, "runner/tiny-vit") / "preprocessor_config.json").write_text("[]"),
        ),
    ),
    wrong(
        "a measure of another kind",
        tuned("extractive_qa", evaluation={"measure": "accuracy"}),
        "/model/spec/evaluation/measure",
    ),
]

CASES: list[Case] = [*TEXTS, *PAIRS, *PICTURES, *BOXES, *MODELS]
