"""``backends.json``: what is taken, and every fault at once with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner.errors import EnvironmentProblem, SpecError
from runner.gateway.backends_file import load_backends
from runner.spec.json_schemas import backends

KNOWN = ["small", "big"]
GOOD = {"small": {"url": "http://127.0.0.1:8000/v1"}, "big": "sft/helper"}


def load(folder: Path, document: Any, known: list[str] = KNOWN, **environment: str) -> Any:
    path = folder / "backends.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return load_backends(path, known, "elo_scoring/it", environment)


def faults(folder: Path, document: Any, known: list[str] = KNOWN) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder, document, known)
    return "\n".join(f"{fault.pointer}: {fault.message}; {fault.hint}" for fault in caught.value.faults)


def test_endpoints_and_stored_models_with_their_prices_and_keys(tmp_path):
    document = {
        "small": {"url": "https://api.example.com/v1", "model": "org/small", "api_key_env": "SMALL_KEY",
                  "price": {"input": 1, "output": 4, "cached": 0.1, "answer_tokens": 200}, "context_length": 8192,
                  "tools": True, "images": True, "timeout": 5},
        "big": "sft/helper/v3",
        "middle": None,
    }  # fmt: skip
    found = load(tmp_path, document, [*KNOWN, "middle"], SMALL_KEY="sk-1234")
    assert list(found.backends) == KNOWN and found.left_out == ("middle",)
    assert found.backends["big"].stored == "sft/helper/v3" and found.backends["big"].price.input == 0
    assert found.headers("small") == {"Authorization": "Bearer sk-1234"} and found.headers("big") == {}
    assert "sk-1234" not in repr(found)
    # A thousand tokens of prompt, 400 of them cached, and a hundred of answer.
    assert found.backends["small"].price.of(1000, 100, 400) == pytest.approx((600 + 40 + 400) / 1e6)
    assert found.costs().need_lengths(KNOWN) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"smal": GOOD["small"], "small": ...},
         "/smal: elo_scoring/it knows no LLM of this name; did you mean 'small'?"),
        ({"big": ...}, 'the LLM \'big\' of elo_scoring/it has no backend; "big": null says that it is not called'),
        ({"router-1": None}, "/router-1: a name that begins with router"),
        ({"big": "sft"}, "/big: a stored model is TYPE/NAME or TYPE/NAME/vN"),
        ({"big": "http://127.0.0.1/v1"}, "/big: a stored model is TYPE/NAME or TYPE/NAME/vN; an endpoint is an object"),
        ({"big": {}}, "/big: is either a url or a stored model"),
        ({"big": {"url": "http://127.0.0.1/v1", "stored": "sft/x"}}, "/big: is either a url or a stored model"),
        ({"big": {"stored": "x"}}, "/big/stored: a stored model is TYPE/NAME"),
        ({"big": {"stored": "sft/x", "model": "y"}}, "/big/model: belongs to an endpoint"),
        ({"big": {"stored": "sft/x", "timeout": 1}}, "/big/timeout: belongs to an endpoint"),
        ({"big": {"url": "ftp://x"}}, "/big/url: begins with https:// or http://"),
        ({"big": {"url": "https://me:pw@x/v1"}}, "/big/url: holds no name, password or query"),
        ({"big": {"url": "http://x.example/v1", "api_key_env": "K"}}, "/big/url: a key is sent to https alone"),
        ({"big": {"url": "http://127.0.0.1/v1", "api_key": "sk-1"}}, "name the variable that holds it in api_key_env"),
        ({"big": {"url": "http://127.0.0.1/v1", "api_key_env": "sk-1 2"}}, "/big/api_key_env: not in this form"),
        ({"big": {"url": "http://127.0.0.1/v1", "toools": True}}, '/big/toools: unknown field; did you mean "tools"?'),
        ({"big": {"url": "http://127.0.0.1/v1", "tools": "yes"}}, "/big/tools: wrong type"),
        ({"big": {"url": "http://127.0.0.1/v1", "timeout": 0}}, "/big/timeout: too small"),
        ({"big": {"url": "http://127.0.0.1/v1", "context_length": -1}}, "/big/context_length: too small"),
        ({"big": {"url": "http://127.0.0.1/v1", "price": {"input": 1}}}, "/big/price: a price for input and none for"),
        ({"big": {"url": "http://127.0.0.1/v1", "price": {"input": 1, "output": 1, "cached": 2}}},
         "/big/price/cached: what is cached costs no more"),
        ({"big": {"url": "http://127.0.0.1/v1", "price": {"inptu": 1}}}, '/big/price/inptu: unknown field; did you'),
        ({"big": {"url": "http://127.0.0.1/v1", "parameters": {"stream": True}}},
         "/big/parameters/stream: is what each"),
        ({"big": 3}, "/big: not one of the allowed values"),
        ({"small": None, "big": None}, "no LLM is called"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(tmp_path, change, told):
    document = {name: value for name, value in (GOOD | change).items() if value is not ...}
    assert told in faults(tmp_path, document)


def test_what_an_editor_checks_the_file_by_is_no_llm(tmp_path):
    found = load(tmp_path, {"$schema": "schemas/backends.json"} | GOOD)
    assert list(found.backends) == KNOWN
    jsonschema.Draft202012Validator(backends()).validate({"$schema": "schemas/backends.json"} | GOOD)


def test_all_faults_are_told_at_once_and_no_key_is_repeated(tmp_path):
    document = {"smal": {"url": "http://127.0.0.1/v1", "api_key": "sk-1", "timeout": -1}, "big": "sft"}
    told = faults(tmp_path, document)
    for place in ("/smal:", "/smal/api_key:", "/smal/timeout:", "/big:", "'small'"):
        assert place in told
    assert "sk-1" not in told


@pytest.mark.parametrize("text", ["", "[]", "{", '{"small": null, "small": null, "big": null}', '{"small": NaN}'])
def test_what_is_no_document_is_refused(tmp_path, text):
    with pytest.raises(SpecError):
        load(tmp_path, text)


def test_a_key_that_is_not_set_is_told_by_its_variable(tmp_path):
    document = GOOD | {"big": {"url": "https://x.example/v1", "api_key_env": "BIG_KEY"}}
    with pytest.raises(EnvironmentProblem, match="big needs a key, and BIG_KEY is not set"):
        load(tmp_path, document)
