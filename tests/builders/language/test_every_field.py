"""Every field of every kind changes what it says it does, and says nothing else by its default.

A field without a row in the table fails, so that a new one comes with its effect.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.data.dialogues.row_types import LabelledRow, PreferenceRow
from runner.errors import DataError
from tests.builders.field_effects import LORA, RATE, Row, Seen, scaled, seen, text_of
from tests.builders.language.conftest import REWARDED, ROWS, loaded

#: A training for nearly every field.
pytestmark = [pytest.mark.slow, pytest.mark.warm]
KINDS = ("causal_lm", "sft", "dpo", "orpo", "kto", "reward", "distillation", "grpo", "ppo", "online_dpo")
FAR = RATE | {"learning_rate": 0.03}
#: One that is hardly the same twice, measured often: the last model is not the best.
GRADUAL = {
    "rewards": {"short": {"reward_type": "length", "target": 30, "unit": "characters"}},
    "max_new_tokens": 20,
    "evaluation": {"every": 1},
}
MANY = {
    f"r{at}": {"reward_type": "regular_expression", "pattern": pattern, "weight": float(2**at)}
    for at, pattern in enumerate(("^[\\x00-\\x7f]", "[a-m]", "[n-z]", "[A-Z]", "[0-9]"))
}
#: What a kind is trained with beside the row's fields: rows that share a line would make one step of all.
ELDER = {"teacher_type": "model", "model_name": "other"}
USUAL = {
    "causal_lm": {"packing": "none"},
    "distillation": {"teacher": ELDER},
    "grpo": REWARDED | {"group_size": 3},
    # Of answers that are worth the same nothing is learned: they hardly ever are.
    "ppo": REWARDED | {"rewards": MANY},
    "online_dpo": REWARDED | {"rewards": MANY},
}


#: Fields that every kind has.
SHARED = {
    "optimizer": Row(RATE | {"learning_rate": 0.001}),
    "schedule": Row({"schedule_type": "constant"}, epochs=2),
    "early_stopping": Row({"patience": 1, "min_delta": 1e6}, "steps", epochs=3),
    "precision": Row("bfloat16"),
    "base_model_name": Row("other"),
    "finetuning_spec": Row(LORA),
    "max_length": Row(43),
    "max_grad_norm": Row(1e-6),
    "gradient_accumulation": Row(2, "steps", {"evaluation": {"every": 1}}),
    "gradient_checkpointing": Row(True, "passes"),
    "max_steps": Row(1, "steps"),
    "evaluation": Row({"every": 1}, "steps"),
    "neftune_noise_alpha": Row(30.0),
    "keep": Row("last", beside={"optimizer": FAR, "max_grad_norm": None}, epochs=6, contrary=True),
    "save_as": Row("adapter", "files", {"finetuning_spec": LORA}),
    "seed": Row(7),
}
CHAT = {"chat": Row({"template": "vicuna"})}
LIKELIHOOD = {"label_smoothing": Row(0.3)}
LOSSES = {"losses": Row({"focal": {}})}
#: What is learned of a teacher.
TAUGHT = {
    "teacher": Row({"teacher_type": "model", "model_name": "base"}),
    "temperature": Row(1.0),
    "alpha": Row(0.2),
    "divergence": Row("reverse_kl"),
    "beta": Row(0.9, beside={"divergence": "jsd"}),
    "on_policy": Row({"share": 1.0, "max_new_tokens": 4}),
    "teacher_template": Row("Think. {input}"),
    "student_template": Row("Please: {input}"),
}
#: The same, the least of them the most.
OTHERWISE = {name: reward | {"weight": 1 / reward["weight"]} for name, reward in MANY.items()}
#: Some answers come to an end, and some do not.
LONG = {"temperature": 100.0, "max_new_tokens": 200}
#: What kinds that learn from rewards have. A prompt is not cut: it leaves room for an answer, or is left out.
DRAWN = CHAT | {
    "rewards": Row(OTHERWISE),
    "max_new_tokens": Row(3),
    "temperature": Row(0.5),
    "top_k": Row(3),
    "top_p": Row(0.3),
    "environment": Row({"partner": {"module": "tests.builders.language.partners", "class_name": "Again"}}),
    "mask_cut": Row(True, beside=LONG),
    "max_length": Row(44),
    "schedule": Row({"schedule_type": "constant"}, beside={"keep": "last"}, epochs=2),
    "early_stopping": Row({"patience": 1, "min_delta": 1e6}, "steps", {"evaluation": {"every": 1}}, epochs=3),
    "keep": Row("last", beside=GRADUAL, epochs=4),
}
#: What is another only once the model is not what it was when the answers were drawn.
FAST = {"optimizer": RATE | {"learning_rate": 0.01}, "max_grad_norm": None, "schedule": None}
TWICE = {"passes": 3} | FAST
#: Fields that a kind has of its own.
OWN = {
    "causal_lm": LIKELIHOOD
    | {
        "max_length": Row(12),
        "packing": Row("packed", "steps", {"evaluation": {"every": 1}}),
        # Whole texts are learned by heart later than answers.
        "keep": Row("last", beside={"optimizer": FAR | {"learning_rate": 0.1}, "max_grad_norm": None}, epochs=6),
    },
    "sft": CHAT
    | LIKELIHOOD
    | LOSSES
    | {
        "loss_on": Row("all"),
        "packing": Row("packed", "steps", {"evaluation": {"every": 1}}),
        "distillation": Row({"teacher": ELDER}),
    },
    "distillation": CHAT
    | LOSSES
    | TAUGHT
    | {
        "loss_on": Row("all"),
        "packing": Row("packed", "steps", {"evaluation": {"every": 1}}),
        # A teacher keeps the student from learning the rows by heart.
        "keep": Row(
            "last", beside={"optimizer": FAR, "max_grad_norm": None, "alpha": 0.01, "temperature": 1.0}, epochs=6
        ),
    },
    "dpo": CHAT
    | {
        "beta": Row(0.7),
        "loss_type": Row("hinge"),
        "label_smoothing": Row(0.3),
    },
    # The odds count so much that what is likelier is not better.
    "orpo": CHAT | {"beta": Row(0.7), "keep": Row("last", beside={"beta": 50.0}, epochs=2, contrary=True)},
    "kto": CHAT
    | {
        "beta": Row(0.7),
        # The divergence is 0 until the model is some way from its reference.
        "loss_type": Row("apo_zero_unpaired", beside={"optimizer": RATE | {"learning_rate": 0.03}}, epochs=2),
        "desirable_weight": Row(3.0),
        "undesirable_weight": Row(3.0),
    },
    "grpo": DRAWN
    | {
        "group_size": Row(4),
        "loss_type": Row("dr_grpo", beside={"max_grad_norm": None, "max_new_tokens": 40}),
        "policy_loss": Row("importance_sampling", beside=TWICE),
        "clip_range": Row(0.01, beside=TWICE),
        "clip_range_high": Row(9.0, beside=TWICE),
        "beta": Row(0.5, beside=FAST),
        "baseline": Row("others", beside={"max_grad_norm": None}),
        "scale_rewards": Row("none", beside={"max_grad_norm": None}),
        "passes": Row(2, "steps", {"evaluation": {"every": 1}}),
    },
    "ppo": DRAWN
    | {
        "gamma": Row(0.5),
        "gae_lambda": Row(0.1),
        "clip_range": Row(0.01, beside=FAST),
        "value_coefficient": Row(0.1),
        "value_clip_range": Row(0.001, beside=FAST),
        "kl_coefficient": Row(5.0, beside=FAST),
        "passes": Row(2, "steps", {"evaluation": {"every": 1}}),
    },
    "online_dpo": DRAWN
    | {
        "beta": Row(0.9, beside=TWICE),
        "loss_type": Row("ipo", beside={"max_grad_norm": None}),
        # Both of a pair have to end.
        "mask_cut": Row(True, beside=LONG | FAST | {"keep": "last"}, epochs=3),
        "passes": Row(2, "steps", {"evaluation": {"every": 1}}),
    },
    # An answer that would be cut is not scored.
    "reward": CHAT | {"center_rewards": Row(1.0), "max_length": Row(46), "keep": Row("last", epochs=2, contrary=True)},
}
#: Fields that are shown elsewhere: in this file, and what trains in `test_backend.py`.
ELSEWHERE = {"model_type", "revision", "backend"}
#: Fields of a method, of which another value trains another model.
METHODS = {
    "lora": {"rank": 8, "alpha": 8, "dropout": 0.5, "target_modules": ["q_proj"]},
    "dora": {"rank": 8, "alpha": 8, "dropout": 0.5, "target_modules": ["q_proj"]},
    "rslora": {"rank": 8, "alpha": 8, "dropout": 0.5, "target_modules": ["q_proj"]},
    "ia3": {"target_modules": ["q_proj"]},
    "last_layers": {"num_layers": 1},
    "qlora": {
        "rank": 8,
        "alpha": 8,
        "dropout": 0.5,
        "target_modules": ["q_proj"],
        "load_in_4bit": False,
        "bnb_4bit_compute_dtype": "bfloat16",
        "bnb_4bit_quant_type": "fp4",
    },
    "bitfit": {},
    "full": {},
}
Train = Callable[..., Seen]


def rows_of(kind: str) -> dict[str, Row]:
    """The table of one kind."""
    return SHARED | OWN[kind]


@pytest.fixture(scope="module")
def train(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Train a kind on four rows, or take what it left before: ``train("sft", {"max_length": 40}, epochs=2)``."""

    @cache
    def made(kind: str, text: str, epochs: int, contrary: bool) -> Seen:
        folder = tmp_path_factory.mktemp(kind)
        fields = json.loads(text)
        named = fields.pop("base_model_name", "base")
        for section in (fields, fields.get("distillation", {})):
            if "teacher" in section:
                section["teacher"]["model_name"] = str(place(section["teacher"]["model_name"]))
        usual = {"model_type": kind, "base_model_name": str(place(named)), "max_length": 256, "optimizer": RATE}
        rows = ROWS[kind]()
        data = loaded([*rows[:4], *(map(turned, rows[4:6]) if contrary else rows[4:6])], 2)
        return seen(usual | fields, data, epochs, folder, "LlamaMLP")

    def place(name: str) -> Path:
        if name == "base":
            return base
        folder = base.parent / name
        if not folder.exists():
            scaled(base, folder)
        return folder

    def run(kind: str, fields: dict[str, Any], epochs: int = 1, contrary: bool = False) -> Seen:
        return made(kind, text_of(USUAL.get(kind, {}) | fields), epochs, contrary)

    return run


def turned(row: Any) -> Any:
    """The row with its preference the other way round, where it has one."""
    if isinstance(row, PreferenceRow):
        return replace(row, chosen=row.rejected, rejected=row.chosen)
    return replace(row, wanted=not row.wanted) if isinstance(row, LabelledRow) else row


def test_every_field_has_a_row():
    for kind in KINDS:
        fields = set(registry.load(kind).Spec.model_fields)
        assert fields - ELSEWHERE == set(rows_of(kind)), kind


#: What is common is tried with every change for a kind that generates and for the one that scores.
QUICK = ("sft", "reward")
CASES = [
    pytest.param(kind, name, marks=[pytest.mark.slow] if name in SHARED and kind not in QUICK else [])
    for kind in KINDS
    for name in rows_of(kind)
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_field_changes_what_it_says(train, kind, name):
    row = rows_of(kind)[name]
    without = train(kind, row.beside, row.epochs, row.contrary)
    other = train(kind, row.beside | {name: row.value}, row.epochs, row.contrary)
    assert getattr(other, row.changes) != getattr(without, row.changes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_with_its_default_says_nothing_else(kind):
    own = registry.load(kind).Spec
    usual = {"model_type": kind, "base_model_name": "a/b"} | USUAL.get(kind, {})
    bare = own.model_validate_json(json.dumps(usual))
    spelled = json.loads(bare.model_dump_json())
    for name in own.model_fields:
        alone = usual | {name: spelled[name]}
        assert own.model_validate_json(json.dumps(alone)) == bare, name


def test_every_field_of_a_method_has_another_value():
    from runner.training import finetuning_specs

    for spec in vars(finetuning_specs).values():
        if hasattr(spec, "model_fields") and "method" in spec.model_fields:
            (method,) = spec.model_fields["method"].annotation.__args__
            assert set(spec.model_fields) - {"method"} == set(METHODS[method]), method


@pytest.mark.parametrize(("method", "name"), [(method, name) for method, fields in METHODS.items() for name in fields])
def test_a_field_of_a_method_changes_the_model(train, method, name):
    usual = {"rank": 4, "dropout": 0.0} if "rank" in METHODS[method] else {}
    beside = {"method": method} | {key: value for key, value in usual.items() if key != name}
    plain = train("sft", {"finetuning_spec": beside})
    other = train("sft", {"finetuning_spec": beside | {name: METHODS[method][name]}})
    assert other.weights != plain.weights


#: Fields of the sections that say what is learned: two values of each, of which another model comes.
WITHIN = [
    (("losses", "cross_entropy"), "weight", 1.0, 0.2),
    (("losses", "label_smoothing"), "smoothing", 0.1, 0.4),
    (("losses", "focal"), "gamma", 2.0, 0.5),
    (("losses", "kl_to_reference"), "weight", 0.1, 5.0),
    (("losses", "contrastive"), "weight", 1.0, 5.0),
    (("losses", "contrastive"), "margin", 0.5, 0.1),
    (("teacher",), "dtype", "float32", "bfloat16"),
    (("teacher",), "top_k", 2, 50),
    (("on_policy",), "share", 0.3, 1.0),
    (("on_policy",), "max_new_tokens", 2, 6),
    (("on_policy",), "temperature", 1.0, 9.0),
]


@pytest.mark.parametrize(("place", "name", "one", "other"), WITHIN)
def test_a_field_of_what_is_learned_changes_the_model(train, place, name, one, other):
    def fields(value: Any) -> dict[str, Any]:
        section: Any = {name: value}
        if place == ("teacher",):
            section |= ELDER
        for word in reversed(place):
            section = {word: section}
        if "losses" in section:
            # Beside another loss a weight counts.
            section["losses"] = {"cross_entropy": {}, "focal": {}} | section["losses"]
        return section

    # The divergence from the reference is 0 until the model is some way from it.
    beside = {"max_grad_norm": None, "keep": "last"}
    found = [train("distillation", beside | fields(value), epochs=2).weights for value in (one, other)]
    assert found[0] != found[1]


def test_a_revision_is_that_of_the_hub(train, base, tmp_path, monkeypatch):
    repo = tmp_path / "models--someone--tiny"
    for revision, commit in (("main", "a" * 40), ("v2", "b" * 40)):
        (repo / "refs").mkdir(parents=True, exist_ok=True)
        (repo / "refs" / revision).write_text(commit)
        (scaled if revision == "v2" else shutil.copytree)(base, repo / "snapshots" / commit)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from runner.training import pretrained

    folders = [pretrained.resolve("someone/tiny", revision) for revision in (None, "main", "v2")]
    assert folders[0] == folders[1] != folders[2]
    with pytest.raises(DataError, match="revision"):
        pretrained.resolve(str(base), "v2")
