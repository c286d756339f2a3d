"""What ``infer`` cannot score, and what it will not read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.store.manifest import seal
from tests.bad_inputs.case import LONG, Bench, Case

GOOD: dict[str, tuple[object, ...]] = {
    "--model": ("elo_scoring/ratings",),
    "--models-to-score": ("ada", "bob"),
    "--prompts": ("Hi",),
}


def asked(name: str, code: int, changes: dict[str, tuple[object, ...] | None], *says: str, **more: Any) -> Case:
    """A good question with some words changed; None takes a flag out."""
    words: list[object] = ["infer"]
    for flag, values in (GOOD | changes).items():
        if values is not None:
            words += [flag, *values]
    return Case(name=name, code=code, words=tuple(words), says=says, **{"prepare": Bench.furnish} | more)


def model(name: str, reference: str, code: int, *says: str, **more: Any) -> Case:
    return asked(name, code, {f"--model={reference}": (), "--model": None}, *says, **more)


def spoilt(name: str, spoil: Callable[[Path], object], *says: str, **more: Any) -> Case:
    """A stored model that was changed after it was stored."""

    def prepare(bench: Bench) -> None:
        spoil(bench.furnish())

    return asked(name, more.pop("code", 4), {}, *says, prepare=prepare, **more)


def flip(stored: Path) -> None:
    weights = next(stored.glob("*.safetensors"))
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


def cut(stored: Path) -> None:
    weights = next(stored.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-8])


def manifest(change: Callable[[dict[str, Any]], object], *, sealed: bool = False) -> Callable[[Path], None]:
    """The manifest changed, and, by somebody who knows how, its checksum with it."""

    def spoil(stored: Path) -> None:
        path = stored / "manifest.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(seal(value) if sealed else value))

    return spoil


def garbage(stored: Path) -> None:
    """Weights that are none, with a manifest that says that they are as they should be."""
    from runner.store.manifest import describe_files

    weights = next(stored.glob("*.safetensors"))
    weights.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{{{{{{{{")
    described = {name: file.to_document() for name, file in describe_files(stored).items()}
    manifest(lambda value: value.update(files=described), sealed=True)(stored)


def linked(stored: Path) -> None:
    weights = next(stored.glob("*.safetensors"))
    away = weights.rename(stored.parents[2] / "elsewhere.safetensors")
    weights.symlink_to(away)


def moved(stored: Path) -> None:
    shutil.move(stored.parent, stored.parent.with_name("scores"))


def of_torch(bench: Bench) -> None:
    """A stored model of a kind that torch computes: its weights are not looked at before the device is."""
    from runner.store.manifest import ModelFacts
    from runner.store.model_storing import promote

    made = bench.write("made/config.json", {}).parent
    promote(bench.home / "models", "dense_network", "ratings", made, ModelFacts())


def output(name: str, code: int, path: str, *says: str, **more: Any) -> Case:
    return asked(name, code, {"--output-path": (path,)}, *says, **more)


def closed_folder(bench: Bench) -> None:
    bench.furnish()
    (bench.home / "closed").mkdir()
    bench.forbid(bench.home / "closed", 0o555)


def closed_file(bench: Bench) -> None:
    bench.furnish()
    bench.forbid(bench.write("kept.json", "{}"), 0o444)


def given(name: str, code: int, file: str, content: Any, *says: str, **more: Any) -> Case:
    """A file of prompts that is none, or has a line that is none."""
    changes = {"--prompts": None, "--prompts-file": (file,)} | more.pop("changes", {})

    def prepare(bench: Bench) -> None:
        bench.furnish()
        if content is not None:
            bench.write(file, content)

    return asked(name, code, changes, *says, **{"prepare": prepare} | more)


def answered(name: str, code: int, content: Any, *says: str, **more: Any) -> Case:
    """A file of an LLM's answers that is none, or has a line that is none."""
    changes = {"--responses-of": ("new", "new.jsonl")} | more.pop("changes", {})

    def prepare(bench: Bench) -> None:
        bench.furnish()
        if content is not None:
            bench.write("new.jsonl", content)

    return asked(name, code, changes, *says, **{"prepare": prepare} | more)


def in_the_way(bench: Bench) -> None:
    bench.furnish()
    bench.write("o.json.partial/mine.txt", "")


def closed_prompts(bench: Bench) -> None:
    bench.furnish()
    bench.forbid(bench.write("p.txt", "a"), 0o000)


def file_for_outputs(bench: Bench) -> None:
    bench.furnish()
    bench.write("inference_outputs", "")


CASES = [
    # What is asked for.
    model(
        "a model that is not stored", "elo_scoring/nobody", 5, "models", "there is no stored model 'elo_scoring/nobody'"
    ),
    model("a model nearly so called", "elo_scoring/rating", 5, "did you mean 'elo_scoring/ratings'?"),
    model(
        "a type that does not exist",
        "elo_skoring/ratings",
        5,
        "no model type 'elo_skoring'",
        "did you mean elo_scoring/ratings?",
    ),
    model("a type of which nothing is stored", "dense_network/ratings", 5, "no stored model 'dense_network/ratings'"),
    model("a version that is not there", "elo_scoring/ratings/v9", 5, "no version v9", "there are: v1"),
    model("a version that is a word", "elo_scoring/ratings/latest", 2, "v1, v2", "'latest'"),
    model("version nought", "elo_scoring/ratings/v0", 2, "'v0'"),
    model("a model that climbs", "elo_scoring/..", 2, "'elo_scoring/..'", "'..'"),
    model("a path that leads to none", "../ratings", 5, "../ratings", "no stored model here", "TYPE/NAME"),
    model("a whole path that leads to none", "/etc/model", 5, "/etc/model", "no stored model here", "models export"),
    model("four parts to a name", "a/b/c/d", 2, "'a/b/c/d'", "TYPE/NAME"),
    model("a name with a dash in front", "-x", 2, "'-x'", "begins with '-'"),
    model("nothing stored at all", "elo_scoring/ratings", 5, "models", "nothing is stored there yet", prepare=None),
    asked("no model named", 2, {"--model": None}, "--model"),
    asked("no prompts", 2, {"--prompts": ()}, "--prompts"),
    asked("no flag for prompts", 2, {"--prompts": None}, "--prompts"),
    asked("no models to score", 2, {"--models-to-score": ()}, "--models-to-score"),
    asked("batches of none", 2, {"--batch-size": (0,)}, "--batch-size", "0"),
    asked("batches of fewer than none", 2, {"--batch-size=-4": ()}, "--batch-size", "-4"),
    asked("batches of many", 2, {"--batch-size": ("many",)}, "--batch-size", "many"),
    asked("an LLM without a name", 2, {"--models-to-score": ("ada", "")}, "--models-to-score", "empty"),
    asked("a rule for strangers that is none", 2, {"--unknown": ("guess",)}, "--unknown", "guess"),
    asked(
        "a stranger where that is an error",
        5,
        {"--models-to-score": ("adda",), "--unknown": ("error",)},
        "--models-to-score",
        "'adda'",
        "did you mean 'ada'?",
    ),
    asked(
        "a GPU where there is none",
        6,
        {"--model": ("dense_network/ratings",), "--device": ("cuda",)},
        "--device: CUDA finds no GPU here",
        prepare=of_torch,
        environment={"CUDA_VISIBLE_DEVICES": ""},
        marks=LONG,
    ),
    asked(
        "an LLM whose name is not text",
        2,
        {"--models-to-score": (os.fsdecode(b"\xff\xfe"),)},
        "--models-to-score",
        "UTF-8",
    ),
    asked("a prompt that is not text", 2, {"--prompts": ("good", os.fsdecode(b"caf\xe9"))}, "--prompts", "UTF-8"),
    # Files of prompts, and what is piped in.
    given(
        "prompts that would be written over",
        2,
        "p.txt",
        "a\n",
        "p.txt: is what is read",
        changes={"--output-path": ("p.txt",)},
    ),
    given("prompts twice", 2, "p.txt", "a\n", "--prompts", "do not go together", changes={"--prompts": ("a",)}),
    given("a prompts file that is not there", 5, "p.txt", None, "p.txt: there is no such file"),
    given("a folder of prompts", 2, "models", None, "models: is a directory"),
    given("a device of prompts", 2, "/dev/null", None, "/dev/null: is not a regular file"),
    given("prompts in a spreadsheet", 2, "p.csv", "prompt\na\n", "p.csv", "--prompts-format"),
    given("prompts without a suffix", 2, "prompts", "a\n", "prompts", ".jsonl", "--prompts-format"),
    given("a prompts format that is none", 2, "p.txt", "a", "--prompts-format", changes={"--prompts-format": ("csv",)}),
    given("an empty file of prompts", 4, "p.txt", "", "p.txt: there is no prompt in it"),
    given("a file of blank lines", 4, "p.txt", "\n \n", "p.txt: there is no prompt in it"),
    given("an empty JSONL file of prompts", 4, "p.jsonl", "", "p.jsonl: there is no prompt in it", "or an object with"),
    given("a prompt in another encoding", 4, "p.txt", b"a\ncaf\xe9\n", "p.txt:2: not UTF-8 text: byte 0xe9"),
    given("a UTF-16 file of prompts", 4, "p.txt", "ab".encode("utf-16"), "p.txt:1: not UTF-8 text: byte 0xff"),
    given("a prompt that is not JSON", 4, "p.jsonl", '"a"\nb\n', "p.jsonl:2: not JSON", "--prompts-format text"),
    given("a prompt that nests 100,000 deep", 4, "p.jsonl", "[" * 100_000, "p.jsonl:1: not JSON"),
    given("a line of 20 MB", 4, "p.txt", "a" * 20_000_000, "p.txt:1: the line is longer than 16 MiB"),
    given("a line that is a number", 4, "p.jsonl", [3], "p.jsonl:1: found a number", 'an object with "prompt"'),
    given("a line without a prompt", 4, "p.jsonl", [{"prompt": "a"}, {"text": "a"}], "p.jsonl:2", "has 'text'"),
    given("a prompt that is a number", 4, "p.jsonl", [{"prompt": 3}], 'p.jsonl:1: "prompt" is a number'),
    given("an id that is a list", 4, "p.jsonl", [{"prompt": "a", "id": []}], "p.jsonl:1: the id is a list"),
    given("half a character as a prompt", 4, "p.jsonl", '"\\ud83d"\n', "p.jsonl:1: half a character"),
    given(
        "a conversation without a user",
        4,
        "p.jsonl",
        [{"messages": [{"role": "system", "content": "a"}]}],
        "p.jsonl:1: no message is a user's",
    ),
    given("a Parquet file that is none", 4, "p.parquet", "a\n", "p.parquet: not a Parquet file"),
    given(
        "prompts that nobody may read",
        6,
        "p.txt",
        None,
        "p.txt: cannot read: permission denied",
        prepare=closed_prompts,
        unprivileged=True,
    ),
    asked("a format for words", 2, {"--prompts-format": ("text",)}, "--prompts and --prompts-format"),
    asked("nothing piped in", 4, {"--prompts": None, "--prompts-file": ("-",)}, "<stdin>: there is no prompt in it"),
    asked(
        "a piped line that is no prompt",
        4,
        {"--prompts": None},
        "<stdin>:2: not JSON",
        "--prompts-format text",
        stdin=b'"a"\nb\n',
    ),
    # LLMs that no training saw.
    answered("answers that are not there", 5, None, "new.jsonl: there is no such file", "--responses-of NAME FILE"),
    answered(
        "answers for a type that reads none",
        2,
        [{"prompt": "a", "response": "b"}],
        "--responses-of: elo_scoring",
        "types that can: ",
    ),
    answered("no answers", 4, "\n", "new.jsonl: there is no answer of 'new' in it"),
    answered("an answer that is missing", 4, [{"prompt": "a"}], 'new.jsonl:1: "response" is missing'),
    answered("an answer that is empty", 4, [{"prompt": "a", "response": " "}], "new.jsonl:1: the response is empty"),
    answered("an answer that is not JSON", 4, "a\n", "new.jsonl:1: not JSON"),
    answered("answers of nobody", 2, None, "--responses-of", "empty", changes={"--responses-of": ("", "new.jsonl")}),
    answered("a name without answers", 2, None, "--responses-of", changes={"--responses-of": ("new",)}),
    answered(
        "answers twice",
        2,
        None,
        "--responses-of: 'new' comes twice",
        changes={"--responses-of": ("new", "a", "--responses-of", "new", "b")},
    ),
    # Where the scores go.
    asked("an output format that is none", 2, {"--output-format": ("csv",)}, "--output-format", "csv"),
    asked(
        "a table on standard output",
        2,
        {"--output-path": ("-",), "--output-format": ("parquet",)},
        "--output-format: parquet goes into a file",
    ),
    output("a folder of one's own where work is kept", 5, "o.json", "o.json.partial", "in the way", prepare=in_the_way),
    asked(
        "an LLM that is called as a column is",
        2,
        {"--models-to-score": ("id",), "--output-path": ("o.parquet",)},
        "--output-format",
        "'id'",
    ),
    output("output into a folder that is not there", 5, "none/o.json", "none: there is no such folder"),
    output("output onto a device", 2, "/dev/full", "/dev/full: is not a regular file", "--output-path -"),
    output("output onto a folder", 2, "models", "models: is a directory"),
    output(
        "output into a file",
        5,
        "spec.json/o.json",
        "spec.json",
        prepare=lambda b: (b.furnish(), b.write("spec.json", "")),
    ),
    output(
        "output into a folder that is closed",
        6,
        "closed/o.json",
        "closed/o.json: cannot write: permission denied",
        prepare=closed_folder,
        unprivileged=True,
    ),
    output(
        "output onto a file that is closed",
        6,
        "kept.json",
        "kept.json: cannot write: permission denied",
        prepare=closed_file,
        unprivileged=True,
    ),
    asked("a file where outputs go", 6, {}, "inference_outputs: cannot write", prepare=file_for_outputs),
    # What was stored, and is not any more.
    spoilt("a flipped byte", flip, ".safetensors: the checksum does not match"),
    spoilt("weights that are cut off", cut, ".safetensors: the checksum does not match"),
    spoilt(
        "a file taken away",
        lambda stored: next(stored.glob("*.safetensors")).unlink(),
        ".safetensors: a file of the model is missing",
    ),
    spoilt(
        "a file added",
        lambda stored: (stored / "notes.txt").write_text("hi"),
        "notes.txt: a file that is not in the manifest",
    ),
    spoilt(
        "a pickle planted",
        lambda stored: (stored / "extra.pkl").write_bytes(b"\x80\x04N."),
        "v1: 'extra.pkl' has no place",
    ),
    spoilt(
        "a pickle under a good name",
        lambda stored: (stored / "extra.json").write_bytes(b"\x80\x04N."),
        "v1: 'extra.json' is a pickle",
    ),
    spoilt(
        "a link planted",
        lambda stored: (stored / "notes.txt").symlink_to("/etc/passwd"),
        "v1: 'notes.txt' has no place",
    ),
    spoilt("a link for the weights", linked, ".safetensors' has no place"),
    spoilt(
        "a link to a folder planted", lambda stored: (stored / "more").symlink_to("/etc"), "v1: 'more' has no place"
    ),
    spoilt(
        "a manifest with better marks",
        manifest(lambda value: value["metrics"].update(accuracy=1.0)),
        "manifest.json: the manifest was changed",
    ),
    spoilt(
        "a manifest without its checksum",
        manifest(lambda value: value.pop("sha256")),
        "manifest.json: the manifest was changed",
    ),
    spoilt(
        "a manifest that is not JSON",
        lambda stored: (stored / "manifest.json").write_text("{"),
        "manifest.json: not the JSON document",
    ),
    spoilt(
        "a manifest that is a list",
        lambda stored: (stored / "manifest.json").write_text("[]"),
        "manifest.json: the manifest was changed",
    ),
    spoilt(
        "a manifest that nests 100,000 deep",
        lambda stored: (stored / "manifest.json").write_text("[" * 100_000),
        "manifest.json: not the JSON document",
    ),
    spoilt(
        "a manifest taken away", lambda stored: (stored / "manifest.json").unlink(), "there is no stored model", code=5
    ),
    spoilt(
        "a manifest sealed again without files",
        manifest(lambda value: value.pop("files"), sealed=True),
        "manifest.json",
    ),
    spoilt(
        "a manifest sealed again of another shape",
        manifest(lambda value: value.update(files=["x"]), sealed=True),
        "manifest.json",
    ),
    spoilt(
        "a manifest sealed again that climbs",
        manifest(lambda value: value["files"].update({"../../x": {"sha256": "0", "bytes": 0}}), sealed=True),
        "a file of the model is missing",
    ),
    spoilt("weights that are none, sealed again", garbage, "v1"),
    asked(
        "a stored model under another name",
        5,
        {"--model": ("elo_scoring/scores",)},
        "scores",
        "elo_scoring/ratings/v1",
        "cannot be renamed",
        prepare=lambda b: moved(b.furnish()),
    ),
]
