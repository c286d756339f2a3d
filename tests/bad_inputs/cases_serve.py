"""What ``serve`` does not serve: models that are not there or were changed, names, limits and keys that are none."""

from __future__ import annotations

import json
import shutil
import socket
from typing import Any

from runner.store.model_lookup import in_folder
from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.cases_infer import flip
from tests.talking_models import keep

RATINGS, TALKER = "elo_scoring/ratings", "sft/talk"


def served(name: str, code: int, words: str, *says: str, **more: Any) -> Case:
    """A server of stored ratings that does not come to be."""
    whole = ("serve", *words.split(), *(() if "--port" in words else ("--port", "0")))
    return Case(name=f"serve: {name}", code=code, words=whole, says=says, **{"prepare": Bench.furnish} | more)


def talked(name: str, code: int, words: str, *says: str, **more: Any) -> Case:
    """The same of a stored language model."""
    return served(name, code, f"{TALKER} {words}", *says, **{"prepare": Bench.furnish_talkers} | more)


def taken(bench: Bench) -> None:
    """Somebody listens already."""
    bench.furnish()
    there = bench.undo.enter_context(socket.create_server(("127.0.0.1", 0)))
    bench.facts["port"] = str(there.getsockname()[1])


def changed(bench: Bench) -> None:
    flip(bench.furnish())


def other_template(bench: Bench) -> None:
    """A stored model whose template is not the one of its training, and whose every byte is as it was stored."""
    bench.furnish_talkers()
    stored = in_folder(bench.home / "models" / "sft" / "talk" / "v1")
    folder = bench.home / "other"
    shutil.copytree(stored.path, folder)
    (folder / "manifest.json").unlink()
    path = folder / "language_model.json"
    document = json.loads(path.read_text())
    document["chat"]["source"] += "{# another #}"
    path.chmod(0o644)
    path.write_text(json.dumps(document))
    keep(bench.home, "sft/other", folder)


def keys(text: str) -> Any:
    def prepare(bench: Bench) -> None:
        bench.furnish()
        bench.write("keys.txt", text)

    return prepare


CASES = [
    served("no model", 2, "", "no model is named"),
    served("a model that there is not", 5, "elo_scoring/rating", "did you mean"),
    served("one model twice", 2, f"{RATINGS} {RATINGS}", "is named twice"),
    served("bytes that changed", 4, RATINGS, "checksum", prepare=changed),
    served("a template of another", 4, "sft/other", "not the one that the model was", prepare=other_template),
    served("a port that is taken", 6, f"{RATINGS} --port {{port}}", "cannot be listened on", prepare=taken),
    served("a port beyond all", 2, f"{RATINGS} --port 70000", "--port", "65535"),
    served("a host of another machine", 6, f"{RATINGS} --host 203.0.113.9", "cannot be listened on"),
    served("an alias of nothing", 2, f"{RATINGS} --alias gpt", "--alias", "NAME=MODEL"),
    served("an alias of what is not served", 2, f"{RATINGS} --alias gpt=sft/x", "sft/x, which is not served"),
    served("an alias twice", 2, f"{RATINGS} --alias a={RATINGS} --alias a={RATINGS}", "a comes twice"),
    served("an alias that is a name", 2, f"{RATINGS} --alias {RATINGS}={RATINGS}", "is a name already"),
    served("no answers at a time", 2, f"{RATINGS} --max-concurrent 0", "--max-concurrent", "1 or more"),
    served("a queue of less than none", 2, f"{RATINGS} --max-waiting=-1", "--max-waiting", "0 or more"),
    served("no tokens", 2, f"{RATINGS} --max-length 1", "--max-length", "2 or more"),
    served("no rows", 2, f"{RATINGS} --max-rows 0", "--max-rows", "1 or more"),
    served("a rate of nothing", 2, f"{RATINGS} --rate 0", "--rate", "more than 0"),
    served("a rate that is no number", 2, f"{RATINGS} --rate nan", "--rate", "more than 0"),
    served("seconds before the start", 2, f"{RATINGS} --drain-seconds=-1", "--drain-seconds", "0 or more"),
    served("a variable without a key", 2, f"{RATINGS} --api-key-env NO_KEY", "the variable NO_KEY has no key"),
    served("a file of keys that is not there", 5, f"{RATINGS} --api-key-file no.txt", "there is no such file"),
    served(
        "a file without a key", 2, f"{RATINGS} --api-key-file keys.txt", "keys.txt has no key", prepare=keys("\n \n")
    ),
    served(
        "keys of two places", 2, f"{RATINGS} --api-key-file keys.txt --api-key-env A", "do not go together",
        prepare=keys("a\n"),
    ),
    served("a field that nobody knows", 2, f"{RATINGS} --pass-over usr", "--pass-over", "did you mean 'user'?"),
    served("a field that is honoured", 2, f"{RATINGS} --pass-over seed", "seed is honoured"),
    served("options of no model that is named", 2, f"{RATINGS} --set temperature=1", "--set", "makes texts"),
    talked("an option that there is not", 2, "--set temprature=1", "--set", "did you mean 'temperature'?"),
    talked("a temperature that is a word", 2, "--set temperature=hot", "temperature"),
    talked("answers that a request counts", 2, "--set n=2", "--set n", "a request says it"),
    talked("beams", 2, "--set num_beams=2", "num_beams", "beams are searched together"),
]  # fmt: skip
