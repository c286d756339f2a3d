"""Fine-tuned encoders of texts: what fields change, what is stored, what the stored model answers."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.builders.text.text_regression.predictor import Predictor
from runner.contract import Table
from runner.errors import DataError
from runner.store.tensors import read_tensors
from tests.builders.text.conftest import RATE

NOTHING = {"validation_split": 0.0}
METHOD = "/model/spec/finetuning_spec"
LORA = {"method": "lora", "rank": 2, "alpha": 4, "dropout": 0.0}


def weights(folder) -> dict[str, Any]:
    (path,) = folder.glob("*.safetensors")
    return read_tensors(path)


def differ(first, second) -> bool:
    return any(not np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """What :func:`usually` has made so far."""
    return {}


@pytest.fixture
def usually(fitted, kept):
    """The weights of a training with the usual fields: made once, by the first test that asks for them."""

    def of(kind: str, epochs: int, **fields: Any) -> dict[str, Any]:
        name = repr((kind, epochs, fields))
        if name not in kept:
            kept[name] = weights(fitted(kind, epochs, **fields)[1])
        return kept[name]

    return of


def rows(*texts: str) -> list[Any]:
    return [SimpleNamespace(values={"text": text}, where=f"text {at}", line=at) for at, text in enumerate(texts)]


def test_what_is_stored_answers_as_what_was_measured_and_one_text_as_many(fitted):
    result, folder, context = fitted("text_regression", epochs=2)
    held = context.data.validation
    predictor = Predictor.load(folder)
    together = predictor.predict_part(held)["score"]
    alone = [predictor.predict(rows(*texts))["score"][0] for texts in held.texts]
    assert np.allclose(together, alone, atol=1e-5)
    rmse = float(np.sqrt(np.mean((together - held.targets["score"]) ** 2)))
    assert result.metrics["rmse"] == pytest.approx(rmse, rel=1e-6)
    # In the target's own unit, not in that of the loss.
    assert 1 < together.mean() < 5


def test_a_class_that_is_named_is_stored_by_its_name_and_the_worst_texts_are_shown(fitted):
    result, folder, context = fitted()
    config = json.loads((folder / "config.json").read_text())
    assert list(config["id2label"].values()) == ["account", "billing", "delivery", "product"]
    worst = Table.read(result.tables["worst_errors"])
    assert worst is not None and worst.columns[-1] == "text"
    assert {row[-1] for row in worst.rows} <= {texts[0] for texts in context.data.validation.texts}
    baselines = Table.read(result.tables["baselines"])
    assert baselines is not None and len(baselines.rows) == 2


def test_several_labels_have_an_answer_each(fitted, tmp_path):
    lines = [
        {"text": f"{' '.join(labels)} number {at}", "labels": labels}
        for at in range(36)
        for labels in [["cold"] * (at % 2) + ["water"] * (at % 3 == 0)]
    ]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = {"dataset": str(tmp_path / "many.jsonl"), "max_samples": None}
    result, folder, _ = fitted(data=data, threshold="f1", class_weights="balanced")
    assert {"cold/accuracy", "water/accuracy", "subset_accuracy"} <= result.metrics.keys()
    said = registry.load("text_classification").Predictor.load(folder).predict(rows("cold water"))
    assert {name: values.shape for name, values in said.items()} == {"cold": (1, 2), "water": (1, 2)}
    assert json.loads((folder / "config.json").read_text())["problem_type"] == "multi_label_classification"


def test_pairs_are_read_as_pairs(fitted, tmp_path):
    lines = [{"sentence1": f"one {at}", "sentence2": f"two {at % 5}", "score": float(at % 5)} for at in range(30)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    _, folder, _ = fitted("text_regression", data={"dataset": str(tmp_path / "pairs.jsonl"), "max_samples": None})
    predictor = Predictor.load(folder)
    asked = [SimpleNamespace(values=dict(zip(("sentence1", "sentence2"), pair, strict=True)), where="row 1", line=1)
             for pair in (("one", "two"), ("two", "one"))]  # fmt: skip
    first, second = predictor.predict(asked)["score"]
    assert first != second
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    # The stored tokenizer tells the model which text a token is of, or nobody does: the library asks it alone.
    mean, deviation = json.loads((folder / "finetuned_model.json").read_text())["scales"]["score"]
    output = AutoModelForSequenceClassification.from_pretrained(folder)(
        **AutoTokenizer.from_pretrained(folder)("one", "two", return_tensors="pt")
    )
    assert output.logits.item() * deviation + mean == pytest.approx(first, abs=1e-4)
    with pytest.raises(DataError):
        predictor.predict(rows("one text alone"))


def test_rows_that_are_cut_are_counted_and_named(fitted):
    result, folder, context = fitted(max_length=8)
    assert result.metrics["n_cut"] > 0
    (told,) = [event for event in context.emit.of("warning") if event["pointer"] == "/model/spec/max_length"][:1]
    assert "longer than 8 tokens" in told["message"]
    predictor = registry.load("text_classification").Predictor.load(folder)
    predictor.predict(rows("a b c d e f g h i j"))
    assert predictor.provenance() == {"rows_cut": 1}


def test_a_stored_model_is_gone_on_from_with_its_head_or_is_a_base_for_another(fitted):
    _, folder, _ = fitted(max_steps=1)
    _, on, _ = fitted(max_steps=1, start_from=folder, optimizer=RATE | {"learning_rate": 1e-12})
    assert np.allclose(weights(folder)["classifier.weight"], weights(on)["classifier.weight"], atol=1e-6)
    _, anew, _ = fitted(max_steps=1, base_model_name=str(folder), optimizer=RATE | {"learning_rate": 1e-12}, seed=5)
    assert not np.allclose(weights(folder)["classifier.weight"], weights(anew)["classifier.weight"], atol=1e-6)
    with pytest.raises(DataError, match="other classes"):
        fitted(start_from=folder, data={"target_columns": "score"})


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("text_classification", {"class_weights": {"billing": 9.0}}),
        ("text_classification", {"label_smoothing": 0.4}),
        ("text_regression", {"loss": "huber"}),
        ("text_regression", {"loss": "l1"}),
        *(
            pytest.param("text_classification", fields, marks=pytest.mark.slow)
            for fields in (
                {"max_length": 6},
                {"max_grad_norm": 1e-6},
                {"gradient_accumulation": 2},
                {"max_steps": 1},
                {"optimizer": RATE | {"learning_rate": 0.001}},
                {"schedule": {"schedule_type": "linear"}},
                {"precision": "bfloat16"},
                {"seed": 7},
                {"finetuning_spec": {"method": "last_layers", "num_layers": 1}},
                {"finetuning_spec": {"method": "bitfit"}},
                {"finetuning_spec": LORA},
                {"keep": "last", "epochs": 3, "optimizer": RATE | {"learning_rate": 0.05}},
                {"evaluation": {"measure": "log_loss"}, "epochs": 3, "optimizer": RATE | {"learning_rate": 0.03}},
            )
        ),
    ],
    ids=str,
)
def test_a_field_changes_what_is_learned(fitted, usually, kind, fields):
    fields = dict(fields)
    epochs = fields.pop("epochs", 1)
    usual = {name: fields[name] for name in ("optimizer",) if name in fields and len(fields) > 1}
    assert differ(usually(kind, epochs, **usual), weights(fitted(kind, epochs, **fields)[1]))


#: What transformers and PEFT alone make of the folders of stored models, in one new process: their odds, a list each.
THEIRS = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification as Auto, AutoTokenizer
base, text, *folders = json.loads(sys.argv[1])
answers = []
for save_as, folder in folders:
    model = Auto.from_pretrained(folder if save_as == "whole" else base, num_labels=4)
    model = (model if save_as == "whole" else PeftModel.from_pretrained(model, folder)).eval()
    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    answers.append(model(**ids).logits.softmax(-1)[0].tolist())
print(json.dumps(answers))
"""


@pytest.mark.slow
def test_models_and_adapters_answer_alike_in_our_hands_and_in_their_library(fitted, encoder):
    methods = ("lora", "dora", "rslora", "ia3", "qlora")
    stored = [("whole", fitted()[1])]
    for save_as in ("whole", "adapter"):
        stored += [(save_as, fitted(finetuning_spec={"method": each}, save_as=save_as)[1]) for each in methods]
    text, load = "my parcel is late", registry.load("text_classification").Predictor.load
    ours = [load(folder).predict(rows(text))["label"][0] for _, folder in stored]
    asked = json.dumps([str(encoder), text, *((save_as, str(folder)) for save_as, folder in stored)])
    done = subprocess.run([sys.executable, "-c", THEIRS, asked], capture_output=True, text=True, check=True)
    for own, theirs, which in zip(ours, json.loads(done.stdout.splitlines()[-1]), stored, strict=True):
        assert np.allclose(own, theirs, atol=1e-5), which


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"threshold": "f1"}, "/model/spec/threshold", "decides between two classes"),
        ({"class_weights": {"parcel": 2.0}}, "/model/spec/class_weights", "no class 'parcel'"),
        ({"max_length": 4096}, "/model/spec/max_length", "at most 512 tokens"),
        ({"finetuning_spec": {"method": "last_layers", "num_layers": 9}}, f"{METHOD}/num_layers", "has 2"),
        (
            {"finetuning_spec": {"method": "lora", "target_modules": ["q_proj"]}},
            f"{METHOD}/target_modules",
            "q_proj",
        ),
        ({"early_stopping": {"patience": 1}, "data": NOTHING}, "/model/spec/early_stopping", "held out"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_model_or_the_data_does_not_have_is_refused_at_its_field(fitted, fields, where, says):
    fields = dict(fields)
    with pytest.raises(DataError) as refused:
        fitted(data=fields.pop("data", None), **fields)
    assert refused.value.where == where
    assert says in str(refused.value)
