"""The published schema and the code accept the same documents, shown on generated ones by three readers."""

import json
import re
from copy import deepcopy

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner import registry
from runner.builders.language._fields.chat_fields import FORMATS
from runner.builders.routing._fields.boosting_fields import OLDER_GROUPS
from runner.builders.routing._fields.prompt_features import OLDER_NAMES
from runner.errors import SpecError
from runner.spec.checking import load_document, load_object
from runner.spec.field_faults import _validator_class
from runner.spec.json_schemas import schema_for, union
from runner.spec.kinds import document_class
from runner.spec.old_names import modernise
from runner.spec.reader import read
from runner.spec.schema_walk import resolve

LANGUAGE = ("causal_lm", "sft", "dpo", "orpo", "kto", "reward", "distillation", "grpo", "ppo", "online_dpo")
#: Kinds that train a pretrained transformer: the fields that they share with language models agree as theirs do.
FINETUNED = (
    *LANGUAGE, "text_classification", "text_regression", "token_classification", "extractive_qa", "seq2seq",
    "sentence_embedding", "cross_encoder", "image_classification", "image_regression", "object_detection",
    "vision_language",
)  # fmt: skip
POLICY = ("importance_sampling", "ppo", "cispo")
OLDER_WORDS = OLDER_GROUPS | OLDER_NAMES
# Texts that fit some pattern, or none. What no schema can say (Unicode's composed form) is not among them.
# fmt: off
TEXTS = ["m", "a.b", "a b", "x..y", "-a", ".a", " a", "a ", "a\n", "sample", "both", "data/x.jsonl", "x.parquet", "4g",
         "04g", "512M", "HF_TOKEN", "A=b", "a/b", "a/b/v2", "a/b/c", "a\\b", "", "image:tag", "é", "x" * 129, "auto",
         "adamw", "Q: {input}", "a.jsonl", "tasks/t.json", "o.safetensors", "judge.py", "0" * 64]
ODD = [None, True, False, 0, 1, -1, 2, 0.5, 1.0, 1.5, -0.0, 1e20, 10**30, "x", "1", "", [], {}, [1], {"a": 1},
       [0.9, 0.99]]
# fmt: on


def valid(schema, root):
    """Documents that a schema should accept: nearly all of them are."""
    schema = resolve(schema, root)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return st.one_of([valid(option, root) for option in schema[key]])
    kind = schema.get("type")
    if kind == "object":
        if "else" in schema:
            return st.one_of(valid_object(schema, schema["else"], root), valid_object(schema, {}, root))
        return valid_object(schema, {}, root)
    if kind == "array":
        if "prefixItems" in schema:
            return st.tuples(*(valid(item, root) for item in schema["prefixItems"])).map(list)
        most = min(schema.get("maxItems", 3), 3)
        return st.lists(valid(schema["items"], root), min_size=min(schema.get("minItems", 0), most), max_size=most)
    if kind == "string":
        fitting = [t for t in TEXTS if re.search(schema.get("pattern", ""), t)]
        return st.sampled_from(
            [t for t in fitting if schema.get("minLength", 0) <= len(t) <= schema.get("maxLength", 999)]
        )
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -5))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10))
        whole = st.integers(int(low), int(high))
        return whole if kind == "integer" else whole | st.floats(low, high)
    return {"boolean": st.booleans(), "null": st.none()}.get(kind, st.sampled_from(ODD))


def valid_object(schema, extra, root):
    properties = schema.get("properties", {}) | extra.get("properties", {})
    required = {*schema.get("required", ()), *extra.get("required", ())}
    fields = {name: valid(field, root) for name, field in properties.items()}
    if "patternProperties" in schema:
        # Names of a user's own, of which there is one at least.
        (member,) = schema["patternProperties"].values()
        return st.dictionaries(st.sampled_from(["m", "auto"]), valid(member, root), min_size=1)
    needed = {name: fields[name] for name in fields if name in required}
    return st.fixed_dictionaries(needed, optional={name: fields[name] for name in fields if name not in required})


def places(value, path=()):
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def mutated(document, data):
    """The document with one thing changed, somewhere."""
    document = deepcopy(document)
    path = data.draw(st.sampled_from(list(places(document))))
    inside = document
    for part in path[:-1]:
        inside = inside[part]
    here = inside[path[-1]] if path else document
    what = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if what == "add" and isinstance(here, dict):
        here[
            data.draw(
                st.sampled_from(["unknown", "seed", "w", "wide", "bits", "ratio", "valiation_split", "start_state"])
            )
        ] = data.draw(st.sampled_from(ODD))
    elif path and what == "remove":
        del inside[path[-1]]
    elif path:
        inside[path[-1]] = data.draw(st.sampled_from([*ODD, *TEXTS]))
    return document


def accepts(function, *arguments):
    try:
        function(*arguments)
    except (SpecError, ValidationError):
        return False
    return True


def _table_conflict(data):
    """Whether a table's rows are held out in two ways, a column has two meanings, a date's format is in question, or a
    field has no effect."""
    ways = [name for name in ("validation_data", "split_column", "group_column", "time_column") if data.get(name)]
    lists = ("categorical_columns", "numerical_columns", "date_columns", "text_columns", "ignored_columns")
    names = []
    for field in (*lists, "target_columns"):
        value = data.get(field, "target" if field == "target_columns" else [])
        names += value if isinstance(value, list) else [] if value is None else [value]
    sides = [data[way] for way in ("split_column", "group_column") if data.get(way)]
    targets = data.get("target_columns", "target")
    by_target = data.get("time_column") in (targets if isinstance(targets, list) else [targets])
    twice = len(set(names)) < len(names) or data.get("id_column") in names or any(side in names for side in sides)
    twice = twice or (bool(data.get("time_column")) and by_target)
    void = {"stratify"} if ways else set()
    void |= {"validation_split", "valiation_split"} if set(ways) & {"validation_data", "split_column"} else set()
    void |= {"text_features"} if data.get("text") != "hash" and not data.get("text_columns") else set()
    return len(ways) > 1 or twice or bool(void & data.keys()) or data.get("date_format") not in (None, {})


def _rate_conflict(section):
    """Whether a warm-up has two lengths, or the learning rate two decays."""
    # A language model's learning rate is lowered in a line where nothing is said.
    default = {"schedule_type": "linear"} if section.get("model_type") in FINETUNED else None
    schedule, optimizer = section.get("schedule", default), section.get("optimizer") or {}
    if not isinstance(schedule, dict):
        return False
    twice = all(schedule.get(name) is not None for name in ("warmup_steps", "warmup_ratio"))
    return twice or (schedule["schedule_type"] != "constant" and optimizer.get("lr_decay_gamma") is not None)


def _choice_conflict(spec):
    """Whether the number of epochs is chosen in two ways, or a field that a grid names is none."""
    section = spec.get("cross_validation")
    if not isinstance(section, dict):
        return False
    return spec.get("early_stopping") is not None or not section.get("grid", {}).keys() <= spec.keys()


def _processes_conflict(document):
    """Whether several processes have too little to do, or to hold, or one process is asked to divide a model."""
    run, model = document.get("run") or {}, document.get("model") or {}
    count, sharding, gpus = run.get("processes", 1), run.get("sharding", "none"), run.get("gpus")
    if count == 1:
        return sharding != "none"
    own = None if isinstance(model.get("start_state"), str) else registry.load(model["spec"]["model_type"]).Spec
    size = document.get("batch_size", (own and own.default_batch_size) or 0)
    few = isinstance(gpus, int) and 0 < gpus < count
    if few or size == "auto" or own is None:
        return few or size == "auto"
    if not own.takes_processes or 0 < size < count:
        return True
    return sharding == "full" and own.model_validate_json(json.dumps(model["spec"])).undividable() is not None


def _language_conflict(spec):
    """Whether a language model's fields do not go together: see the validators of its spec."""
    method = spec.get("finetuning_spec") or {}
    if spec.get("save_as") == "adapter" and method.get("method") not in ("lora", "qlora", "dora", "rslora", "ia3"):
        return True
    base = spec.get("base_model_name")
    stored = isinstance(base, str) and "/" in base and registry.find(base.partition("/")[0]) is not None
    if stored:
        return True
    template = (spec.get("chat") or {}).get("template", "tokenizer")
    if template not in ("tokenizer", *FORMATS) and not template.endswith(".jinja"):
        return True
    loss_on = spec.get("loss_on")
    if isinstance(loss_on, dict) and not any(loss_on.values()):
        return True
    if _taught_conflict(spec) or ("rewards" in spec and _rewarded_conflict(spec)) or _measured_conflict(spec):
        return True
    writing = spec.get("writing") or {}
    least, most = writing.get("min_new_tokens", 0), writing.get("max_new_tokens") or spec.get("max_target_length", 128)
    if least > most or (writing.get("num_beams", 1) == 1 and writing.get("length_penalty", 1) != 1):
        return True
    kind, loss, smoothing = spec.get("model_type"), spec.get("loss_type", "sigmoid"), spec.get("label_smoothing", 0)
    return kind == "dpo" and ((bool(smoothing) and loss in ("hinge", "ipo")) or (loss == "robust" and not smoothing))


def _negatives_conflict(spec):
    """Whether a loss that takes no negatives is told where they come from."""
    loss = (spec.get("loss") or {}).get("loss_type", "multiple_negatives_ranking")
    in_batch = loss in ("multiple_negatives_ranking", "cached_multiple_negatives_ranking")
    if "batches" in spec and not in_batch:
        return True
    return spec.get("hard_negatives") is not None and not in_batch and loss != "triplet"


def _windows_conflict(spec):
    """Whether windows share more tokens than they have room for, or a question leaves none."""
    length = spec.get("max_length", 384)
    asked = spec.get("max_question_length")
    room = length - (min(64, length // 2) if asked is None else asked) - 4
    return room < 1 or spec.get("doc_stride", 128) >= room


def _taught_conflict(spec):
    """Whether losses, or what is learned of a teacher, do not go together: see ``taught_spec``."""
    losses, packed = spec.get("losses"), spec.get("packing") == "packed"
    answers = spec.get("loss_on", "assistant") in ("assistant", "last_assistant")
    by_advantage = [name for name in POLICY if (losses or {}).get(name) is not None]
    if losses is not None:
        by_data = any(losses.get(name) is not None for name in ("cross_entropy", "label_smoothing", "focal"))
        if not by_data and not by_advantage:
            return True
        if spec.get("label_smoothing"):
            return True
    section = spec if spec.get("model_type") == "distillation" else spec.get("distillation")
    if section is None:
        return False
    if by_advantage:
        return True
    teacher, by_logits = section["teacher"], False
    if teacher["teacher_type"] == "model":
        by_logits = teacher.get("outputs", "logits") == "logits"
        if registry.find(teacher["model_name"].partition("/")[0]) is not None and "/" in teacher["model_name"]:
            return True
        if by_logits and teacher.get("answering") is not None:
            return True
        if not by_logits and teacher.get("top_k") is not None:
            return True
    before = teacher["teacher_type"] == "odds" or (by_logits and teacher.get("top_k") is not None)
    by_logits = by_logits or teacher["teacher_type"] == "odds"
    if before and (section.get("divergence", "forward_kl") != "forward_kl" or section.get("on_policy") is not None):
        return True
    if teacher["teacher_type"] in ("answers", "odds") and section.get("teacher_template", "{input}") != "{input}":
        return True
    if spec.get("label_smoothing"):
        return True
    if not by_logits:
        usual = {"temperature": 3.0, "alpha": 0.7, "divergence": "forward_kl", "beta": None, "on_policy": None}
        return any(section.get(name, value) != value for name, value in usual.items()) or not answers
    if section.get("beta") is not None and section.get("divergence", "forward_kl") != "jsd":
        return True
    templates = [section.get(f"{who}_template", "{input}") for who in ("teacher", "student")]
    sampled = section.get("on_policy") is not None
    if not answers and (sampled or templates[0] != templates[1]):
        return True
    return (sampled and packed) or (section.get("alpha", 0.7) == 1 and losses is not None)


def _measured_conflict(spec):
    """Whether a training's measurements, or the figure that they go by, are none: see ``asked_evaluation``."""
    section, own = spec.get("evaluation") or {}, registry.load(spec["model_type"]).Spec
    tasks, every, measure = section.get("tasks"), section.get("every"), section.get("measure")
    if tasks is not None and (not own.speaks or len(set(tasks)) < len(tasks)):
        return True
    if section.get("limit") is not None and tasks is None:
        return True
    if every is not None and spec.get("max_steps") is not None and every > spec["max_steps"]:
        return True
    if measure is None:
        return False
    known = measure in own.measures or ("/" in measure and tasks is not None)
    return not known or (spec.get("keep", "best") == "last" and spec.get("early_stopping") is None)


def _rewarded_conflict(spec):
    """Whether a reward is none, answers have no room, or what is clipped by nothing has a range: see
    ``reinforced_spec``."""
    environment = spec.get("environment")
    if environment is not None and _environment_conflict(environment):
        return True
    for reward in spec["rewards"].values():
        if reward.get("weight") == 0 or not _compiles(reward.get("pattern")):
            return True
        kind = reward["reward_type"]
        if kind == "function" and _in_two_places(reward):
            return True
        if kind in ("model", "preference") and registry.find(reward["model_name"].partition("/")[0]) is not None:
            return True
        drawn = {"grpo": spec.get("group_size", 8), "online_dpo": 2, "ppo": 1}[spec["model_type"]]
        if kind in ("preference", "judge") and drawn == 1:
            return True
        if kind == "judge" and reward.get("opponents", 2) > max(drawn - 1, 2):
            return True
        if kind == "environment" and (environment or {}).get("partner") is None:
            return True
    if spec.get("max_new_tokens", 128) >= spec.get("max_length", 1024):
        return True
    usual = {"clip_range": 0.2, "clip_range_high": None, "value_clip_range": 0.2}
    once = spec.get("passes", 4 if spec["model_type"] == "ppo" else 1) == 1 and spec["model_type"] != "online_dpo"
    if once and any(spec.get(name, value) != value for name, value in usual.items()):
        return True
    ranges = ("clip_range" in spec, spec.get("clip_range_high") is not None)
    return spec.get("policy_loss") == "importance_sampling" and any(ranges)


def _environment_conflict(environment):
    """Whether nothing answers, or what answers is in no place: see ``environment_fields``."""
    codes = [code for code in (environment.get("tools"), environment.get("partner")) if code is not None]
    functions = (environment.get("tools") or {}).get("functions", [])
    return not codes or any(map(_in_two_places, codes)) or len(set(functions)) < len(functions)


def _in_two_places(code):
    """Whether a user's code is in a file and in a module, or in neither."""
    return (code.get("file") is None) == (code.get("module") is None)


def _compiles(pattern):
    try:
        re.compile(pattern or "")
    except re.error:
        return False
    return True


def _bits_conflict(spec):
    """Whether what layers of 4 bits have is asked of layers of 8."""
    method = spec.get("finetuning_spec") or {}
    four = {"bnb_4bit_compute_dtype": "float16", "bnb_4bit_quant_type": "nf4"}
    return method.get("load_in_4bit") is False and any(method.get(name, was) != was for name, was in four.items())


def _guard_conflict(spec):
    """Whether a guard asks for more neighbours than are looked at."""
    guard, k = spec.get("guard"), spec.get("k", 20)
    return isinstance(guard, dict) and k != "auto" and guard.get("min_neighbors", 5) > k


def _outcomes_conflict(outcomes):
    """Whether a matrix's range of scores is none, or a column of it has two roles."""
    low, high = outcomes.get("score_range") or (0, 1)
    columns = outcomes.get("columns") or {}
    names = [name for value in columns.values() for name in (value if isinstance(value, list) else [value])]
    names = [name for name in names if name is not None]
    return low >= high or len(set(names)) < len(names)


def _base_stays_here(spec):
    """Whether nobody else has the model that an adapter is beside."""
    name = spec.get("base_model_name", "")
    return name.startswith(("/", ".", "~", "runner/")) or registry.find(name.partition("/")[0]) is not None


def beyond_a_schema(document):
    """What the schemas do not say: that an adapter is pushed only where its base can be had, that the attention heads
    divide the width that they share, that trees see the LLM, and nothing twice, that a winner's word has one
    meaning, and a column one role, a learning rate one decay, and the end of a training one ground."""
    data = document.get("data") if isinstance(document, dict) else None
    if isinstance(document, dict) and _processes_conflict(document):
        return True
    if isinstance(data, dict) and "dataset" in data and _table_conflict(data):
        return True
    if isinstance(data, dict):
        words = [word for listed in (data.get("winner_values") or {}).values() for word in listed]
        columns = {name: name for name in ("prompt", "model_a", "model_b", "response_a", "response_b", "winner")}
        own = data.get("columns") or {}
        # Within a turn, which is not a row.
        own = {role: name for role, name in own.items() if role not in ("role", "content")}
        columns |= own
        roles = [name for name in columns.values() if name is not None]
        if _outcomes_conflict(data.get("outcomes") or {}):
            return True
        if len(set(words)) < len(words) or (data.get("columns") and len(set(roles)) < len(roles)):
            return True
    model = document.get("model") if isinstance(document, dict) else None
    if not isinstance(model, dict) or isinstance(model.get("start_state"), str):
        return False
    spec = model.get("spec") or {}
    if document.get("hub") is not None and spec.get("save_as") == "adapter" and _base_stays_here(spec):
        return True
    if any(_rate_conflict(section) for section in (spec, spec.get("learner")) if isinstance(section, dict)):
        return True
    if _choice_conflict(spec) or _guard_conflict(spec) or _bits_conflict(spec):
        return True
    if isinstance(spec.get("embedding_spec"), dict) and _bits_conflict(spec["embedding_spec"]):
        return True
    if spec.get("model_type") in FINETUNED and _language_conflict(spec):
        return True
    if spec.get("model_type") == "extractive_qa" and _windows_conflict(spec):
        return True
    if spec.get("model_type") == "token_classification" and spec.get("stride", 32) > spec.get("max_length", 128) - 3:
        return True
    if spec.get("model_type") == "sentence_embedding" and _negatives_conflict(spec):
        return True
    for field in ("input_features", "prompt_features"):
        words = [OLDER_WORDS.get(word, word) for word in listed] if isinstance(listed := spec.get(field), list) else []
        if len(set(words)) < len(words):
            return True
    trees = spec.get("model_type") == "gradient_boosting"
    if trees and {"model_embedding", "llm_embedding"}.isdisjoint(spec.get("input_features", ["model_embedding"])):
        return True
    section = spec.get("embedding_spec")
    if not isinstance(section, dict) or section.get("embedding_type") != "attention":
        return False
    return section.get("h_pair", 256) % section.get("num_attention_heads", 4) != 0


def check(document, kind, second, second_union):
    text = json.dumps(document)
    schema = schema_for(kind)
    published = _validator_class()(schema).is_valid(document)
    assert second.is_valid(document) == published
    if published and beyond_a_schema(document):
        assert not accepts(lambda: load_document(read(text, "s"), kind=kind))
        return False
    assert accepts(lambda: load_document(read(text, "s"), kind=kind)) == published
    # The object alone, without the schema's help: it takes present spellings only, so two at once are not seen there.
    modern, older = modernise(read(text, "s").value, schema)
    model = modern.get("model")
    if isinstance(model, dict) and isinstance(model.get("start_state"), str):
        model.pop("spec", None)
    if not older:
        assert accepts(document_class(kind).model_validate_json, json.dumps(modern)) == published
    union = second_union.is_valid(document)
    if union and isinstance(document, dict) and _processes_conflict(document):
        assert not accepts(load_object, document)
    else:
        assert union == accepts(load_object, document)
    return published


@pytest.mark.parametrize("documents", [40, pytest.param(160, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", [*registry.kinds(), "tiny"])
def test_schema_and_code_agree(kind, documents, tiny):
    schema, whole = schema_for(kind), union()
    second, second_union = jsonschema_rs.validator_for(schema), jsonschema_rs.validator_for(whole)
    seen = []

    @settings(
        max_examples=documents,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(valid(schema, schema), st.integers(0, 2), st.data())
    def agree(document, mutations, data):
        for _ in range(mutations):
            document = mutated(document, data)
        seen.append(check(document, kind, second, second_union))

    agree()
    # Both answers were given: the agreement is about something.
    assert True in seen
    assert seen.count(False) >= documents / 20
