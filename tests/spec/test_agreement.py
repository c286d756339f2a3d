"""The published schema and the code accept the same documents, shown on generated ones by three readers."""

import json
import re
from copy import deepcopy
from typing import get_args

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

from runner import registry
from runner.builders.routing._fields.boosting_fields import OLDER_GROUPS
from runner.builders.routing._fields.prompt_features import OLDER_NAMES
from runner.errors import SpecError
from runner.spec.checking import load_document, load_object
from runner.spec.json_schemas import schema_for, union
from runner.spec.kinds import document_class
from runner.spec.old_names import modernise
from runner.spec.reader import read
from runner.spec.schema_validation import _validator_class
from runner.spec.schema_walk import resolve

LANGUAGE = ("causal_lm", "sft", "dpo", "orpo", "kto", "reward", "distillation", "grpo", "ppo", "online_dpo")
#: Kinds that train a pretrained transformer: the fields that they share with language models agree as theirs do.
FINETUNED = (
    *LANGUAGE, "text_classification", "text_regression", "token_classification", "extractive_qa", "seq2seq",
    "sentence_embedding", "cross_encoder", "image_classification", "image_regression", "object_detection",
    "vision_language",
)  # fmt: skip
#: Documents of a kind in the long tests. Most fields are those of a base that many kinds share: of each base, and of
#: what has a form of its own, one kind is asked for many, and the others for what shows their own fields.
TELLING = {
    "dense_network", "dn_embedding", "elo_scoring", "gradient_boosting", "grpo", "object_detection",
    "sentence_embedding", "sft", "tabular_classification", "text_classification", "tiny",
}  # fmt: skip
MANY, FEWER, FEW = 160, 48, 12
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


def refusal(function, *arguments):
    """What a reader says against a document, or None."""
    try:
        function(*arguments)
    except (SpecError, ValidationError) as error:
        return error
    return None


def between_fields(error):
    """Whether a rule of our own words refuses: what no schema says, such as that two fields do not go together.

    A value that has the wrong type, or is out of its range, or missing, or unknown, is refused in pydantic's own words,
    and that is what a schema says too.
    """
    return any(fault["type"] not in get_args(ErrorType) or fault["type"] == "value_error" for fault in error.errors())


def check(document, kind, second, second_union):
    """Whether the document is accepted by all; a rule between fields, which no schema says, is no disagreement."""
    text = json.dumps(document)
    schema = schema_for(kind)
    published = _validator_class()(schema).is_valid(document)
    assert second.is_valid(document) == published
    loaded = refusal(lambda: load_document(read(text, "s"), kind=kind))
    # The object alone, without the schema's help: it takes present spellings only, so two at once are not seen there.
    modern, older = modernise(read(text, "s").value, schema)
    model = modern.get("model")
    if isinstance(model, dict) and isinstance(model.get("start_state"), str):
        model.pop("spec", None)
    fault = refusal(document_class(kind).model_validate_json, json.dumps(modern))
    unnamed = refusal(load_object, document)
    if not second_union.is_valid(document):
        assert unnamed is not None
    if not published:
        assert loaded is not None
        assert older or fault is not None
        return False
    if fault is not None:
        assert between_fields(fault), fault
        assert loaded is not None
        return False
    if loaded is not None:
        assert all("has no effect" in str(found) for found in loaded.faults), loaded
        return False
    assert (unnamed is None) == second_union.is_valid(document), unnamed
    return True


@pytest.mark.parametrize(
    ("kind", "documents"),
    [
        *((kind, FEW) for kind in sorted(TELLING)),
        *(
            pytest.param(kind, MANY if kind in TELLING else FEWER, marks=pytest.mark.slow)
            for kind in (*registry.kinds(), "tiny")
        ),
    ],
)
def test_schema_and_code_agree(kind, documents, request):
    if kind == "tiny":
        # Asked for here alone: with one kind more, every schema is made anew.
        request.getfixturevalue("tiny")
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
    assert False in seen
