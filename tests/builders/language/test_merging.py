"""An adapter and its base as one model: the same answers, in the dtype that was asked for, with a card."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from runner import Runner, registry
from runner.errors import ConflictError, ExitCode
from runner.inference.merged_model import merge
from runner.store.manifest import Manifest
from tests.builders.language.conftest import weights
from tests.talking_models import keep

LORA = {"method": "lora", "rank": 4}
QLORA = {"method": "qlora", "rank": 4, "bnb_4bit_compute_dtype": "float32"}


@pytest.fixture
def kept(trained, spec, desk):
    """Train an adapter and store it: ``kept("sft", method)``."""

    def keep_one(kind: str, method: dict, **fields: object) -> str:
        _, context = trained(kind, kind, context={"epochs": 1}, finetuning_spec=method, save_as="adapter", **fields)
        own = spec(kind, finetuning_spec=method, save_as="adapter", **fields).model_dump(mode="json")
        return keep(desk.home, f"{kind}/small", context.artifact, own).reference

    return keep_one


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.slow
@pytest.mark.warm
def test_a_merged_model_answers_as_its_adapter(kept, desk, dtype):
    kept("sft", LORA)
    done = merge(Runner(desk.home).workspace, "sft/small", dtype=dtype)
    assert done.stored.reference == "sft/small-merged/v1" and done.adapter == "sft/small/v1"
    ((name, largest, mean, greatest, _),) = done.agreement.rows
    assert name == "the adapter beside its base" and 0 <= mean <= largest
    assert largest <= greatest * (1e-5 if dtype == "float32" else 2e-2)
    stored = weights(done.stored.path)
    assert {tensor.dtype for tensor in stored.values()} == {getattr(torch, dtype)}
    assert AutoModelForCausalLM.from_pretrained(done.stored.path).dtype == getattr(torch, dtype)
    manifest = Manifest.read(done.stored.path)
    assert manifest.merged_from == "sft/small/v1" and manifest.spec["model"]["spec"]["save_as"] == "whole"
    runner = Runner(desk.home)
    answers = [
        runner.infer(model, ["Hi"], options={"max_new_tokens": 4}).records
        for model in ("sft/small", "sft/small-merged")
    ]
    if dtype == "float32":
        assert answers[0] == answers[1]


@pytest.mark.slow
@pytest.mark.warm
def test_a_quantised_base_is_compared_too_and_the_command_says_so(kept, desk):
    kept("sft", QLORA)
    said = desk("merge", "sft/small", "--name", "alone").ok()
    assert "stored as sft/alone/v1" in said.out and "the adapter beside its quantised base" in said.out
    assert "Warning" not in said.err
    table = desk("merge", "sft/small", "--name", "alone", "--json").ok().json["agreement"]
    assert [row[0] for row in table["rows"]] == ["the adapter beside its base", "the adapter beside its quantised base"]
    assert table["rows"][0][1] < table["rows"][1][1]
    refused = desk("merge", "sft/alone")
    assert refused.code == ExitCode.NOT_FOUND_OR_CONFLICT and "whole model" in refused.err
    # The same adapter, merged again, adds no version; in another dtype it does, and that is told.
    assert "stored as sft/alone/v1 already" in desk("merge", "sft/small", "--name", "alone").ok().out
    other = desk("merge", "sft/small", "--name", "alone", "--dtype", "bfloat16").ok()
    assert "stored as sft/alone/v2" in other.out and "sft/alone/v1 was merged from sft/small/v1 before" in other.err
    assert "runner replay sft/small/v1" in desk("replay", "sft/alone").err


def test_a_reward_model_keeps_its_head(kept, desk):
    kept("reward", LORA)
    done = merge(Runner(desk.home).workspace, "reward/small")
    assert done.agreement.rows[0][1] < 1e-4
    rows = [{"prompt": "Hi", "completion": "Hello."}]
    one, two = (Runner(desk.home).infer(model, rows=rows).records for model in ("reward/small", "reward/small-merged"))
    assert one[0]["reward"] == pytest.approx(two[0]["reward"], abs=1e-4)


def test_what_has_no_adapter_is_refused(talking):
    with pytest.raises(ConflictError, match="no adapter"):
        merge(Runner(talking.home).workspace, "elo_scoring/elo")


@pytest.mark.parametrize("kind", ["causal_lm", "sft", "dpo", "reward"])
@pytest.mark.slow
@pytest.mark.warm
def test_a_card_says_what_it_is_and_nothing_of_this_machine(trained, base, kind):
    result, context = trained(kind, context={"epochs": 1}, finetuning_spec=LORA, save_as="adapter")
    text = (context.artifact / "README.md").read_text()
    head = text.split("---")[1]
    assert 'library_name: "peft"' in head and f'"{kind}", "lora"' in head
    assert "base_model:" not in head and str(base) not in text and str(base.parent) not in text
    assert "More Information Needed" not in text
    measure = registry.load(kind).TASK.headline
    assert measure.label in text and f"{result.metrics[measure.metric]:.{measure.decimals}f}" in text
    assert "PEFT does not find it by its name" in text and "`runner merge`" in text
    code = text.split("```python\n")[1].split("```")[0].replace('"."', repr(str(context.artifact)))
    exec(code.replace("PATH_OF_THE_BASE", str(base)), {})


def test_the_template_and_the_ends_of_the_training_are_what_transformers_takes(trained):
    from transformers import AutoTokenizer

    _, context = trained("sft", context={"epochs": 1}, chat={"template": "zephyr"})
    tokenizer = AutoTokenizer.from_pretrained(context.artifact)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert text.startswith("<|user|>\nHi")
    own = registry.load("sft").Predictor.load(context.artifact)
    config = json.loads((context.artifact / "generation_config.json").read_text())
    ends = config["eos_token_id"]
    assert set(ends if isinstance(ends, list) else [ends]) == set(own.renderer.stop_ids)
