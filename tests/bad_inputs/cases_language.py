"""Specs and base models that no language model can be trained with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.bad_inputs.case import LONG, Bench, Case
from tests.bad_inputs.language_materials import (
    base,
    changed,
    lacking,
    language,
    spoilt,
    talks,
    trained,
    turns,
    unfit,
    wrong,
)
from tests.data.hub_server import HubServer

FINE = "/model/spec/finetuning_spec"

SPECS = [
    wrong(
        "two precisions of one layer",
        language(finetuning_spec={"method": "qlora", "load_in_4bit": True, "bits": 8}),
        f"{FINE}/bits",
    ),
    wrong(
        "four bits and eight",
        language(finetuning_spec={"method": "qlora", "load_in_4bit": True, "load_in_8bit": True}),
        f"{FINE}/load_in_8bit",
        "load_in_4bit",
    ),
    wrong(
        "a compute type beside eight bits",
        language(finetuning_spec={"method": "qlora", "load_in_4bit": False, "bnb_4bit_compute_dtype": "bfloat16"}),
        f"{FINE}/bnb_4bit_compute_dtype",
    ),
    wrong(
        "a precision by another name", language(precision="bf16"), "/model/spec/precision", 'did you mean "bfloat16"?'
    ),
    wrong("no role learned", language(loss_on={"assistant": 0}), "/model/spec/loss_on", "would be learned"),
    wrong(
        "a role that there is none of", language(loss_on={"asistant": 1}), "/model/spec/loss_on/asistant", "assistant"
    ),
    wrong(
        "a format nearly so called",
        language(chat={"template": "chatlm"}),
        "/model/spec/chat/template",
        'did you mean "chatml"?',
    ),
    wrong(
        "a format of a newer model",
        language(chat={"template": "llama3"}),
        "/model/spec/chat/template",
        'a newer format comes with its model: "tokenizer"',
    ),
    wrong(
        "a format that is none",
        language(chat={"template": "zzzzzz"}),
        "/model/spec/chat/template",
        "no chat template that is known. There are tokenizer",
    ),
    wrong(
        "an adapter of rank 0", language(finetuning_spec={"method": "lora", "rank": 0}), f"{FINE}/rank", "at least 1"
    ),
    wrong(
        "an adapter that is taken off",
        language(finetuning_spec={"method": "lora", "alpha": -1}),
        f"{FINE}/alpha",
        "at least 1",
    ),
    wrong(
        "a last layer of none",
        language(finetuning_spec={"method": "last_layers", "num_layers": 0}),
        f"{FINE}/num_layers",
    ),
    wrong("beta of nothing", language("dpo", beta=0), "/model/spec/beta", "more than 0"),
    wrong("beta below nothing", language("kto", beta=-0.1), "/model/spec/beta", "more than 0"),
    wrong("all of the odds spread", language(label_smoothing=1), "/model/spec/label_smoothing", "less than 1"),
    wrong("half of the pairs turned", language("dpo", label_smoothing=0.5), "/model/spec/label_smoothing"),
    wrong(
        "smoothing beside a loss that has none",
        language("dpo", loss_type="hinge", label_smoothing=0.1),
        "/model/spec/label_smoothing",
        "hinge",
    ),
    wrong(
        "a robust loss against nothing", language("dpo", loss_type="robust"), "/model/spec/loss_type", "label_smoothing"
    ),
    wrong("no steps", language(max_steps=0), "/model/spec/max_steps", "at least 1"),
    wrong("no batches to a step", language(gradient_accumulation=0), "/model/spec/gradient_accumulation"),
    wrong("packed pairs", language("dpo", packing="packed"), "/model/spec/packing"),
    wrong("turns of pairs to learn", language("dpo", loss_on="all"), "/model/spec/loss_on"),
    wrong("an adapter of no adapters", language(save_as="adapter"), "/model/spec/save_as"),
    wrong("a stored model's revision", language(base_model_name="sft/talk", revision="main"), "/model/spec/revision"),
    trained(
        "a stored base that is not there",
        5,
        language(base_model_name="sft/nobody"),
        "/model/spec/base_model_name",
        "sft/nobody",
    ),
    trained("no folder", 5, language(base_model_name="./nowhere"), "/model/spec/base_model_name", "nowhere"),
    trained(
        "a base of another family",
        5,
        language(base_model_name="elo_scoring/ratings"),
        "/model/spec/base_model_name",
        "elo_scoring",
        spoil=Bench.furnish,
    ),
    spoilt(
        "a folder's revision",
        lambda folder: None,
        "/model/spec/base_model_name",
        "revision",
        document=language(base_model_name="./base", revision="v2"),
        leaves=None,
    ),
    trained(
        "an unmade name", 6, language(base_model_name="nobody/none"), "/model/spec/base_model_name", leaves="failed"
    ),
]


class OneModel(HubServer):
    """A Hub that knows a model, and of it the branch ``main`` alone."""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        known = path.startswith(f"/api/models/{self.repo}")
        return 404, {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"}, b""


def on_the_wire(bench: Bench) -> None:
    hub = bench.undo.enter_context(OneModel("someone/base", {}))
    bench.facts |= {"hub": hub.url, "hf": str(bench.home.parent / "hf")}


def another_base(bench: Bench) -> None:
    """A stored adapter, whose base became another model since."""
    from safetensors.torch import load_file, save_file

    folder = base(bench)
    bench.write("rows.jsonl", talks())
    method = {"finetuning_spec": {"method": "lora"}, "save_as": "adapter"}
    bench.write("spec.json", language(base_model_name="./base", **method))
    bench.desk("train", "--spec-file", "spec.json").ok()
    path = folder / "model.safetensors"
    save_file({name: tensor * 2 for name, tensor in load_file(path).items()}, path, {"format": "pt"})


def no(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def as_it_is(folder: Path) -> None:
    """Nothing is changed."""


def other_names(folder: Path) -> None:
    """The same weights, of a kind whose configuration says little."""
    changed(folder / "config.json", model_type="helium", architectures=["HeliumForCausalLM"], head_dim=16)


def only_bin(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def remote_kind(folder: Path) -> None:
    changed(
        folder / "config.json",
        model_type="evil",
        auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.Evil"},
    )
    (folder / "evil.py").write_text("raise SystemExit('it ran')\n")


def shards(folder: Path) -> None:
    index = {"metadata": {}, "weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def other_weights(folder: Path) -> None:
    """Weights whose names are another model's."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file({f"other.{name}": tensor for name, tensor in load_file(path).items()}, path, {"format": "pt"})


def one_lost(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, path, {"format": "pt"})


def one_wide(folder: Path) -> None:
    changed(folder / "config.json", intermediate_size=96)


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def untied(folder: Path) -> None:
    changed(folder / "config.json", tie_word_embeddings=False)


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()
    (folder / "special_tokens_map.json").unlink(missing_ok=True)


def larger(folder: Path) -> None:
    """A tokenizer of more tokens than the model has embeddings for."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"][:200].contiguous()
    save_file(tensors, path, {"format": "pt"})
    changed(folder / "config.json", vocab_size=200)


def no_ends(folder: Path) -> None:
    changed(folder / "tokenizer_config.json", eos_token=None, pad_token=None)
    if (folder / "special_tokens_map.json").exists():
        changed(folder / "special_tokens_map.json", eos_token=None, pad_token=None)


def no_eos(folder: Path) -> None:
    changed(folder / "tokenizer_config.json", eos_token=None)


def quantised(folder: Path) -> None:
    changed(
        folder / "config.json",
        quantization_config={"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False},
    )


def bnb(folder: Path) -> None:
    changed(folder / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})


def classifier(folder: Path) -> None:
    changed(folder / "config.json", architectures=["LlamaForSequenceClassification"])


def adapter_folder(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name.startswith(("config", "model", "generation")):
            path.unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "x"}))


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": 1}')


def template(text: str) -> Callable[[Bench], None]:
    def spoil(bench: Bench) -> None:
        bench.write("own.jinja", text)

    return spoil


OWN = {"chat": {"template": "own.jinja"}}
PLAIN = (
    "{% for m in messages %}{{ m.role + ':' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + PLAIN
DROPS = PLAIN.replace("{% for m in messages %}", "{% for m in messages if m.role != 'user' %}")
SAID = turns(("system", "Be short."), ("user", "Hi"), ("assistant", "Hello"))

BASES = [
    trained(
        "a revision that the Hub has not",
        5,
        language(base_model_name="someone/base", revision="v9"),
        "/model/spec/base_model_name",
        "someone/base has no revision 'v9'",
        spoil=on_the_wire,
        environment={"HF_ENDPOINT": "{hub}", "HF_HOME": "{hf}", "HF_HUB_OFFLINE": "0"},
        leaves="failed",
    ),
    Case(
        name="language: an adapter whose base became another",
        code=4,
        words=("infer", "--model", "sft/talk", "--prompts", "Hi"),
        says=("base", "another"),
        prepare=another_base,
        marks=LONG,
    ),
    spoilt("a base without weights", no("model.safetensors"), "/model/spec/base_model_name", "safetensors"),
    spoilt("a base without a shard", shards, "/model/spec/base_model_name", "model-00001-of-00002.safetensors"),
    spoilt("a base of pickled weights", only_bin, "pickle", "safetensors"),
    spoilt("a base of a kind of its own", remote_kind, "/model/spec/base_model_name", "code"),
    spoilt("a base with another model's weights", other_weights, "/model/spec/base_model_name", "weights"),
    spoilt("a base with a weight lost", one_lost, "/model/spec/base_model_name", "model.layers.1.mlp.up_proj.weight"),
    spoilt("a base of other widths", one_wide, "/model/spec/base_model_name"),
    spoilt("a base cut off", cut_weights, "/model/spec/base_model_name", "not fully covered"),
    spoilt("a base whose head is lost", untied, "/model/spec/base_model_name", "lm_head"),
    unfit("a base without a template", no_template, "/model/spec/chat/template", "chatml"),
    spoilt("a base without a tokenizer", no_tokenizer, "/model/spec/base_model_name", "tokenizer"),
    spoilt("a base with a broken tokenizer", broken_tokenizer, "/model/spec/base_model_name", "tokenizer"),
    spoilt("a tokenizer larger than the model", larger, "/model/spec/base_model_name", "200"),
    spoilt("no token that ends a text", no_ends, "/model/spec/base_model_name", "ends"),
    spoilt(
        "no end for a format that needs one",
        no_eos,
        "/model/spec/chat/template",
        "chatml",
        document=language(base_model_name="./base", chat={"template": "vicuna"}),
    ),
    spoilt("a base of GPTQ", quantised, "/model/spec/base_model_name", "gptq"),
    spoilt("a base of four bits", bnb, "/model/spec/base_model_name", "bitsandbytes"),
    unfit("a classifier for a base", classifier, "/model/spec/base_model_name", "LlamaForSequenceClassification"),
    spoilt("an adapter's folder for a base", adapter_folder, "/model/spec/base_model_name", "adapter", leaves=None),
    unfit("more tokens than positions", as_it_is, "/model/spec/max_length", "2048", max_length=4096),
    unfit(
        "target modules that match nothing",
        as_it_is,
        f"{FINE}/target_modules",
        "called query",
        "there are down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj",
        finetuning_spec={"method": "lora", "target_modules": ["query", "q_proj"]},
    ),
    unfit(
        "more last layers than there are",
        as_it_is,
        f"{FINE}/num_layers",
        "at most 2",
        finetuning_spec={"method": "last_layers", "num_layers": 3},
    ),
    unfit("biases of a model that has none", as_it_is, f"{FINE}/method", "lora", finetuning_spec={"method": "bitfit"}),
    lacking(
        "target modules of a kind whose files tell less",
        language(base_model_name="./base", finetuning_spec={"method": "lora", "target_modules": ["query"]}),
        f"{FINE}/target_modules",
        "there are ",
        spoil=lambda bench: other_names(base(bench)),
    ),
    lacking(
        "an adapter in a tied head",
        language(finetuning_spec={"method": "lora", "target_modules": ["lm_head"]}),
        f"{FINE}/target_modules",
        "lm_head",
    ),
    trained("a template that is not there", 5, language(**OWN), "/model/spec/chat/template", "own.jinja"),
    trained(
        "a folder for a template",
        4,
        language(**OWN),
        "/model/spec/chat/template: own.jinja",
        spoil=lambda bench: (bench.home / "own.jinja").mkdir(),
    ),
    trained(
        "a template that is none",
        4,
        language(**OWN),
        "/model/spec/chat/template",
        "line 1",
        spoil=template("{% for %}"),
    ),
    trained(
        "a template with a filter that there is none of",
        4,
        language(**OWN),
        "/model/spec/chat/template",
        "line 1",
        "'shout'",
        spoil=template("{{ messages | shout }}"),
    ),
    lacking(
        "a template that refuses systems",
        language(**OWN),
        "no system here",
        rows=[turns(("system", "Be short."), ("user", f"Hi {n}"), ("assistant", "Hello")) for n in range(12)],
        spoil=template(NO_SYSTEM),
    ),
    lacking(
        "a template that refuses most rows",
        language(**OWN, max_length=256),
        "/data/max_rows_lost",
        "no system here",
        rows=talks()[:4]
        + [turns(("system", "Be short."), ("user", f"Hi {n}"), ("assistant", "Hello")) for n in range(12)],
        spoil=template(NO_SYSTEM),
    ),
    lacking("a template that drops users", language(**OWN), "leaves out", spoil=template(DROPS)),
    lacking("a template that says nothing", language(**OWN), "/model/spec/chat/template", spoil=template("hello")),
]
CASES: list[Case] = [*SPECS, *BASES]
