"""Specs that are none: the text, the fields, and what they refer to."""

from __future__ import annotations

import os
from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.materials import NETWORK, TEXT

#: Past this no spec is read: bytes.
FIFTY_MEGABYTES = 50 * 2**20


def text(name: str, content: str | bytes, at: str | None, *says: str, **more: Any) -> Case:
    """A spec file with this text; ``at`` is what stands at the place that the message must name."""
    if at is not None:
        whole = content if isinstance(content, str) else content.decode("utf-8", "replace")
        before = whole[: whole.index(at)]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        says = (f"spec.json:{line}:{column}", *says)
    settings = {"code": 3, "words": ("train", "--spec-file", "spec.json")} | more
    return Case(name=name, says=says, prepare=lambda bench: bench.write("spec.json", content), **settings)


def slip(name: str, good: str, bad: str, at: str, *says: str, base: str = TEXT, **more: Any) -> Case:
    """The good spec with one slip of the pen."""
    assert base.count(good) == 1, name
    content = base.replace(good, bad)
    assert content.count(at) >= 1, name
    return text(name, content, at, *says, **more)


def refused(name: str, code: int, words: tuple[object, ...], *says: str, **more: Any) -> Case:
    return Case(name=name, code=code, words=words, says=says, **more)


def fifty_megabytes(bench: Bench) -> None:
    with (bench.home / "spec.json").open("wb") as file:
        file.write(TEXT.encode())
        file.truncate(FIFTY_MEGABYTES)


def unreadable(bench: Bench) -> None:
    bench.forbid(bench.write("spec.json", TEXT), 0)


K = '"k_factor": 16'
SPEC = '"name": "ratings",'
TRAIN = ("train", "--spec-file", "spec.json")

#: What is not JSON.
TEXTS = [
    text("empty file", "", None, "spec.json", "empty"),
    text("whitespace only", " \n\t\n", None, "spec.json", "empty"),
    text("not JSON", "hello\n", "hello", "not in quotes", faults=2),
    text("YAML", "model:\n  name: ratings\ndata:\n  dataset: sample\n", "model", "not in quotes", faults=2),
    text("an array", "[" + TEXT + "]", "[", "an object"),
    text("null", "null\n", "null", "an object"),
    text("a byte-order mark", "\ufeff" + TEXT, "\ufeff", "byte-order mark"),
    text("UTF-16", TEXT.encode("utf-16"), None, "spec.json:1:1", "UTF-16"),
    text("Latin-1", TEXT.replace("ratings", "caf\u00e9").encode("latin-1"), "\ufffd", "UTF-8", "0xe9"),
    text("cut off in the middle", TEXT[: TEXT.index('  "run"')], None, "spec.json:15", "ends too early"),
    slip("a comma too many", '"epochs": 2', '"epochs": 2,', ",\n}", "comma after the last item"),
    slip("a comma too few", f"{K},", K, '\n      "min_model', "/model/spec", "a comma is missing"),
    slip("a comment", f"{K},", f"{K}, // strong", "// strong", "comment"),
    slip("single quotes", '"sample"', "'sample'", "'sample'", "/data/dataset", "single quotes"),
    slip("a key without quotes", '"epochs": 2', "epochs: 2", "epochs: 2", "/epochs", "no quotes"),
    slip("a string that is not closed", '"sample"', '"sample', '"sample', "/data/dataset", "not closed"),
    text("text after the document", TEXT + "# the end\n", "# the end", "comment"),
    text("two documents", TEXT + TEXT, None, "spec.json:20:1", "text after the document"),
    slip("a key twice", K, f'{K},\n      "k_factor": 32', '"k_factor": 32', "/model/spec/k_factor", "twice"),
    slip("NaN", K, '"k_factor": NaN', "NaN", "/model/spec/k_factor", "NaN"),
    slip("Infinity", K, '"k_factor": -Infinity', "-Infinity", "/model/spec/k_factor", "Infinity"),
    slip("1e999", K, '"k_factor": 1e999', "1e999", "/model/spec/k_factor", "too large"),
    slip("a million digits", K, '"k_factor": 1' + "0" * 1_000_000, "1000000", "/model/spec/k_factor", "too large"),
    slip("half a character", '"ratings"', '"\\ud800"', '"\\ud800"', "/model/name", "surrogate"),
    text("a zero byte", TEXT.replace("ratings", "rat\0ings"), "\0", "/model/name", "control character"),
    text("a nesting bomb", '{"model": ' + "[" * 100_000 + "]" * 100_000 + "}", None, "spec.json:1:", "nested"),
    text("a nesting bomb of objects", '{"a":' * 100_000 + "1" + "}" * 100_000, None, "spec.json:1:", "nested"),
    Case("50 MB", 3, TRAIN, ("spec.json", "too large"), fifty_megabytes),
    Case("50 MB on standard input", 3, ("train",), ("<stdin>", "too large"), stdin=b" " * FIFTY_MEGABYTES),
    Case("nothing on standard input", 3, ("train",), ("<stdin>", "empty")),
]

#: JSON that is no spec.
FIELDS = [
    slip("a misspelt key", K, '"k_facter": 16', '"k_facter"', "/model/spec/k_facter", 'did you mean "k_factor"?'),
    slip("a misspelt section", '"data": {', '"date": {', '"date"', "/date", 'did you mean "data"?'),
    slip("a number in quotes", K, '"k_factor": "0.1"', '"0.1"', "/model/spec/k_factor", "wrong type", "a number"),
    slip("true for an integer", '"epochs": 2', '"epochs": true', "true", "/epochs", "a whole number"),
    slip("a fraction for an integer", '"epochs": 2', '"epochs": 1.5', "1.5", "/epochs", "a whole number"),
    slip("a list for an object", '"run": {\n    "executor": "local"\n  }', '"run": []', "[]", "/run", "an object"),
    slip("null for a name", '"ratings"', "null", "null", "/model/name", "wrong type"),
    slip(
        "both spellings",
        '"validation_split": 0.2',
        '"validation_split": 0.2,\n    "valiation_split": 0.3',
        '"valiation_split"',
        "/data/valiation_split",
    ),
    slip("a name that climbs", '"ratings"', '"../../etc"', '"../../etc"', "/model/name"),
    slip("a name with a slash", '"ratings"', '"a/b"', '"a/b"', "/model/name", "no / or"),
    slip("a name that is a flag", '"ratings"', '"--json"', '"--json"', "/model/name", "no dash"),
    slip("a name that is empty", '"ratings"', '""', '""', "/model/name"),
    slip("a name of 129 letters", '"ratings"', f'"{"a" * 129}"', f'"{"a" * 129}"', "/model/name", "128"),
    slip("a name of 43 letters that are 129 bytes", '"ratings"', f'"{"€" * 43}"', '"€', "/model/name", "128 bytes"),
    slip("a control character in a name", '"ratings"', '"a\\u0007b"', '"a\\u0007b"', "/model/name"),
    slip(
        "an unknown model type",
        '"elo_scoring"',
        '"elo_skoring"',
        '"elo_skoring"',
        "/model/spec/model_type",
        'did you mean "elo_scoring"?',
    ),
    text("no model", '{"data": {"dataset": "sample"}, "epochs": 2}', "{", "`model` is missing"),
    text("neither spec nor start_state", '{"model": {"name": "m"}}', '{"name"', "/model", "the model is not described"),
    slip("no epochs for a kind that needs them", '"epochs": 2', '"epochs": 0', "0\n}", "/epochs", "at least 1"),
    slip("negative epochs", '"epochs": 2', '"epochs": -1', "-1", "/epochs", "too small"),
    slip(
        "a negative batch size",
        '"batch_size": 32',
        '"batch_size": -32',
        "-32",
        "/batch_size",
        "too small",
        base=NETWORK,
    ),
    slip("everything held out", "0.2", "1.0", "1.0", "/data/validation_split", "less than 1"),
    slip("no samples", '"max_samples": 500', '"max_samples": 0', '0,\n    "val', "/data/max_samples", "at least 1"),
    slip("a negative seed", '"max_samples": 500', '"seed": -1', "-1", "/data/seed", "too small"),
    slip("an unknown data set", '"sample"', '"simple"', '"simple"', "/data/dataset", 'did you mean "sample"?'),
    slip("an unknown optimizer", '"adamw"', '"adamz"', '"adamz"', "/model/spec/optimizer/optimizer_type", base=NETWORK),
    slip("betas out of range", "0.999", "1.999", "1.999", "/model/spec/optimizer/betas/1", "less than 1", base=NETWORK),
    slip(
        "a learning rate of zero",
        "0.001",
        "0",
        '0,\n        "betas',
        "/model/spec/optimizer/learning_rate",
        base=NETWORK,
    ),
    slip("no width", "[16]", "[0]", "0]", "/model/spec/hidden_dims/0", base=NETWORK),
    slip("an unknown executor", '"local"', '"mesos"', '"mesos"', "/run/executor"),
    slip("memory in words", '"executor": "local"', '"memory": "lots"', '"lots"', "/run/memory", "512m"),
    slip("fewer than no GPUs", '"executor": "local"', '"gpus": -1', "-1", "/run/gpus", "at least 0"),
    slip(
        "a time limit of nothing", '"executor": "local"', '"time_limit": 0', "0\n  }", "/run/time_limit", "more than 0"
    ),
    slip("a version from the future", '"epochs": 2', '"spec_version": 2', "2\n}", "/spec_version", faults=2),
    slip(
        "a secret's value in run.env",
        '"executor": "local"',
        '"env": ["WANDB_API_KEY=0123456789abcdef"]',
        '"WANDB_API_KEY=',
        "/run/env/0",
        "secret",
    ),
    text(
        "a word where an object is the other form",
        TEXT.replace("elo_scoring", "knn_scoring")
        .replace("min_model_occurrences", "exact_up_to")
        .replace(": 0\n    }", ": 9\n    }")
        .replace('"k_factor": 16', '"weighting": "softmax"'),
        '"softmax"',
        '"uniform" or "cosine" or {"softmax": a number}',
    ),
    slip("a path to start from", SPEC, SPEC + ' "start_state": "/tmp/model",', '"/tmp/model"', "/model/start_state"),
]

#: What cannot be read, or is not there.
PLACES = [
    refused("no such spec file", 5, ("train", "--spec-file", "none.json"), "none.json", "no such file"),
    refused(
        "a spec file whose name is not text", 5, ("train", "--spec-file", os.fsdecode(b"\xff.json")), "no such file"
    ),
    refused(
        "a folder for a spec file",
        5,
        ("train", "--spec-file", "."),
        ".: this is a folder",
    ),
    refused(
        "a spec file that may not be read",
        6,
        TRAIN,
        "spec.json",
        "Permission denied",
        prepare=unreadable,
        unprivileged=True,
    ),
    Case(
        "a stored model that is not there to start from",
        5,
        TRAIN,
        ("/model/start_state", "elo_scoring/nobody"),
        lambda bench: bench.write("spec.json", TEXT.replace(SPEC, SPEC + ' "start_state": "elo_scoring/nobody",')),
    ),
    Case(
        "a variable to pass on that is not set",
        6,
        TRAIN,
        ("/run/env", "NOT_SET_ANYWHERE"),
        lambda b: b.write(
            "spec.json", TEXT.replace('"executor": "local"', '"executor": "local", "env": ["NOT_SET_ANYWHERE"]')
        ),
    ),
    refused("validate no such file", 5, ("validate", "none.json"), "none.json", "no such file"),
    text("beyond repair", TEXT[:40], None, "spec.json", words=("spec", "fix", "spec.json")),
    refused("the schema of no model type", 5, ("schema", "elo_skoring"), "elo_skoring", "elo_scoring"),
]

#: Words that make no command.
WORDS = [
    refused("an unknown verb", 2, ("trian", "--spec-file", "spec.json"), "trian"),
    refused("an unknown flag", 2, ("train", "--spec", "spec.json"), "--spec"),
    refused("a flag for a file", 2, ("train", "--spec-file", "--executor", "local"), "--spec-file", "--executor"),
    refused("a flag without its value", 2, ("train", "--spec-file"), "--spec-file"),
    refused("an executor that is none", 2, (*TRAIN, "--executor", "mesos"), "--executor", "mesos"),
    refused("a rehearsal of a resumption", 2, ("train", "--resume", "last", "--dry-run"), "--dry-run", "--resume"),
    refused("repair written to standard input", 2, ("spec", "fix", "--write"), "--write", "file", stdin=TEXT.encode()),
    refused("a word too many", 2, ("train", "spec.json"), "spec.json"),
]

CASES = [*TEXTS, *FIELDS, *PLACES, *WORDS]
