"""``infer`` with files, pipes, every form of output, and LLMs that no training saw."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from runner.data.prompts import from_file, from_words
from runner.inference import inferring, opening, seen_rows
from runner.inference.routing import routing
from runner.inference.routing.costs import Costs
from runner.tasks import length, ranking
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.prices import Price
from runner.workspace import Workspace
from tests.conftest import ROOT, Desk
from tests.inference.conftest import ELO, NETWORK, trained

MODELS = ("quoter", "dictionary")
PROMPTS = ["What is 2 + 2?", "Name the capital of France.", "What is 2 + 2?", "Hé"]


def infer(desk: Desk, model: str, *words: object, **more):
    return desk("infer", "--model", model, *words, **more)


def scores(desk: Desk, *words: object, model: str = ELO, **more) -> dict[str, list[float]]:
    return infer(desk, model, "--models-to-score", *MODELS, *words, "--output-path", "-", **more).ok().json


@pytest.fixture
def files(elo: Desk, tmp_path: Path) -> dict[str, Path]:
    """The same prompts in every format."""
    import pyarrow as pa
    from pyarrow import parquet

    made = {name: tmp_path / f"p.{name}" for name in ("txt", "jsonl", "parquet")}
    made["txt"].write_text("\n".join(PROMPTS))
    made["jsonl"].write_text("".join(json.dumps({"id": f"n{at}", "prompt": p}) + "\n" for at, p in enumerate(PROMPTS)))
    parquet.write_table(pa.table({"prompt": PROMPTS}), made["parquet"])
    return made


def test_every_way_in_gives_the_same_object(elo, files):
    said = scores(elo, "--prompts", *PROMPTS)
    assert list(said) == list(MODELS)
    assert {len(row) for row in said.values()} == {len(PROMPTS)}
    for path in files.values():
        assert scores(elo, "--prompts-file", path) == said
    assert scores(elo, stdin=files["txt"].read_bytes()) == said
    assert scores(elo, stdin=files["jsonl"].read_bytes()) == said
    assert (
        scores(elo, "--prompts-file", "-", "--prompts-format", "parquet", stdin=files["parquet"].read_bytes()) == said
    )
    assert len(scores(elo, "--prompts-format", "text", stdin='{"prompt": "a"}\n"b"\n')["quoter"]) == 2


def test_a_fifo_is_read_as_a_pipe_is(elo, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    process = elo.start(
        "infer", "--model", ELO, "--prompts-file", tmp_path / "fifo", "--output-path", "-", stdout=subprocess.PIPE
    )
    (tmp_path / "fifo").write_text("a\nb\n")
    out, _ = process.communicate(timeout=300)
    assert {len(row) for row in json.loads(out).values()} == {2}


@pytest.mark.parametrize("words", [(), ("--models-to-score", "all")])
def test_without_names_it_is_every_llm_that_the_model_knows(elo, words):
    known = json.loads(next((elo.home / "models").glob("elo_scoring/elo/v1/model.json")).read_text())["models"]
    assert list(infer(elo, ELO, *words, "--prompts", "a", "--output-path", "-").ok().json) == known


def test_all_beside_another_name_is_refused(elo):
    done = infer(elo, ELO, "--models-to-score", "all", "quoter", "--prompts", "a", "--output-path", "-")
    assert (done.code, "'all' stands alone" in done.err) == (2, True)


def test_a_suffix_that_promises_another_form_is_refused(elo, tmp_path):
    done = infer(elo, ELO, "--prompts", "a", "--output-path", tmp_path / "x.csv")
    assert (done.code, "not written as csv" in done.err) == (2, True)
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("unknown", ["zero", "null"])
def test_the_three_forms_say_the_same(elo, files, tmp_path, unknown):
    from pyarrow import parquet

    words = ("--models-to-score", *MODELS, "nobody", "--unknown", unknown, "--prompts-file", files["jsonl"])
    for suffix in ("json", "jsonl", "parquet"):
        infer(elo, ELO, *words, "--output-path", tmp_path / f"o.{suffix}").ok()
    text = (tmp_path / "o.json").read_text()
    whole = json.loads(text)
    assert text == json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "the form that it always had"
    assert whole["nobody"] == [0.0 if unknown == "zero" else None] * len(PROMPTS)
    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert lines == [
        json.dumps({"id": f"n{at}", "index": at, "scores": {name: row[at] for name, row in whole.items()}})
        for at in range(len(PROMPTS))
    ]
    table = parquet.read_table(tmp_path / "o.parquet").to_pydict()
    assert table == {"index": [0, 1, 2, 3], "id": ["n0", "n1", "n2", "n3"]} | whole
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("o")) == [
        "o.json", "o.jsonl", "o.parquet", "o.provenance.json",
    ]  # fmt: skip


def test_the_form_may_be_said_and_ids_are_left_out_where_there_are_none(elo, files, tmp_path):
    printed = infer(
        elo, ELO, "--models-to-score", "quoter", "--output-format", "jsonl", "--output-path", "-", stdin="a\n\nb\n"
    ).ok()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [list(row) for row in rows] == [["index", "scores"]] * 2
    assert "1 blank line skipped" in printed.err
    made = infer(elo, ELO, "--output-format", "jsonl", "--prompts", "a").ok().out.split()
    assert made[0].endswith(".jsonl")
    assert made[1].endswith(".provenance.json")


def test_the_document_has_the_scores_of_the_object_only(elo, tmp_path):
    words = ("--models-to-score", "quoter", "--prompts", "a", "--json", "--output-path")
    document = infer(elo, ELO, *words, tmp_path / "o.json").ok().json
    assert document["scores"] == json.loads((tmp_path / "o.json").read_text())
    document = infer(elo, ELO, *words, tmp_path / "o.jsonl").ok().json
    assert sorted(document) == ["output_path", "provenance"]
    assert document["provenance"]["prompts"] == 1


def test_lines_are_not_one_document(elo):
    refused = infer(elo, ELO, "--prompts", "a", "--output-path", "-", "--output-format", "jsonl", "--json")
    assert (refused.code, refused.json["where"]) == (2, "--output-format")


def test_the_provenance_says_what_was_read(elo, files, tmp_path):
    infer(elo, ELO, "--models-to-score", "quoter", "nobody", "--prompts-file", files["jsonl"], "--output-path",
          tmp_path / "o.json").ok()  # fmt: skip
    found = json.loads((tmp_path / "o.provenance.json").read_text())
    content = files["jsonl"].read_bytes()
    assert found["prompts_file"] == {
        "name": str(files["jsonl"]),
        "format": "jsonl",
        "sha256": sha256(content).hexdigest(),
        "bytes": len(content),
        "blank_lines_skipped": 0,
    }
    assert found["prompts_sha256"] == sha256(json.dumps(PROMPTS).encode()).hexdigest()
    assert (found["prompts"], found["distinct_prompts"], found["resumed_from"]) == (4, 3, [])
    assert (found["known_models"], found["unknown_models"]) == (["quoter"], ["nobody"])
    assert found["output"] == "o.json"


class Double:
    """A kind that embeds LLMs, as the registry hands it over: a score is the prompt's length times the answers'."""

    REQUIRES = ()
    TASK = length.TASK
    asked: ClassVar[list[list[str]]] = []

    class Predictor(LlmPredictor):
        embeds_llms = True

        def __init__(self) -> None:
            self.known = {"quoter": 1.0}
            self.cache: Path | None = None

        @classmethod
        def load(cls, directory, device="cpu"):
            return cls()

        @property
        def models(self):
            return list(self.known)

        def use_cache(self, cache):
            self.cache = cache

        def add_llm(self, name, prompts, responses):
            self.known[name] = float(sum(map(len, responses)))

        def score_llms(self, prompts, models, batch_size=128, *, histories=None, tags=None):
            Double.asked.append(list(prompts))
            lengths = [len(p) + 100 * len(h) for p, h in zip(prompts, histories or [()] * len(prompts), strict=True)]
            return np.array([[self.known.get(name, np.nan) * length for length in lengths] for name in models])


class Tagged(Double):
    """A kind that reads the tag ``math`` alone."""

    class Predictor(Double.Predictor):
        reads_tags = True

        def score_llms(self, prompts, models, batch_size=128, *, histories=None, tags=None):
            tags = np.full((len(prompts), 12), np.nan) if tags is None else tags
            return np.array([np.nan_to_num(tags[:, -1], nan=-1.0) for _ in models])


def tag_rows(tmp_path, rows):
    path = tmp_path / "tagged.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return from_file(path)


MATH, PROSE = ({"math_v0.1": {"math": yes}} for yes in (True, False))


def test_category_tags_reach_the_model_and_prompts_without_them_are_counted(double, tmp_path, monkeypatch):
    monkeypatch.setattr(opening.registry, "load", lambda kind: Tagged)
    rows = [{"prompt": "a", "category_tags": MATH}, {"prompt": "a", "category_tag": PROSE}, {"prompt": "a"}, "b"]
    found, provenance, said = ask(double, tag_rows(tmp_path, rows), tmp_path / "o.json")
    assert found == {"quoter": [1.0, 0.0, -1.0, -1.0]}
    assert provenance["distinct_prompts"] == 4
    (warning,) = [line for line in said if "category tags" in line]
    assert "2 of 4 prompts" in warning
    _, _, said = ask(double, tag_rows(tmp_path, rows[:2]), tmp_path / "all.json")
    assert not any("category tags" in line for line in said)


def test_a_model_that_reads_no_tags_says_nothing_of_them(double, tmp_path):
    _, _, said = ask(double, from_words(["a"]), tmp_path / "o.json")
    assert not any("category tags" in line for line in said)


def test_category_tags_reach_a_router_too(double, tmp_path, monkeypatch):
    monkeypatch.setattr(opening.registry, "load", lambda kind: Tagged)
    monkeypatch.setattr(Tagged, "TASK", ranking.TASK)
    rows = [{"prompt": "a", "category_tags": MATH}, {"prompt": "a"}]
    costs = Costs({"quoter": Price(call=1.0)}, "costs.json")
    routed = routing.route(double, ELO, tag_rows(tmp_path, rows), costs, routing.Rule())
    assert routed.scores.tolist() == [[1.0, -1.0]]
    assert any("1 of 2 prompts" in warning for warning in routed.warnings)


@pytest.fixture
def double(elo, monkeypatch):
    """The stored Elo model, scored by the double: everything about the road is real but the numbers."""
    monkeypatch.setattr(opening.registry, "load", lambda kind: Double)
    monkeypatch.setattr(Double, "asked", [])
    home = elo.home
    return Workspace(home / "runs", home / "models", home / "inference_outputs", home / "outbox", home / "cache")


def ask(workspace, prompts, output, chunk=4, **more):
    said: list[str] = []
    question = inferring.ask(workspace, ELO, more, batch_size=2)
    provenance = inferring.infer(
        workspace, question, prompts, inferring.Output(output, "json"), said.append, lambda event: None, chunk
    )
    return json.loads(output.read_text()), provenance, said


def test_a_prompt_is_scored_once_however_often_it_is_asked(double, tmp_path, monkeypatch):
    words = ["a", "bb", "a", "ccc", "a", "dddd", "bb", "ccc", "e", "a"]
    found, provenance, _ = ask(double, from_words(words), tmp_path / "o.json")
    assert Double.asked == [["a", "bb", "ccc"], ["dddd"], ["e"]]
    assert found == {"quoter": [float(len(word)) for word in words]}
    assert provenance["distinct_prompts"] == 5
    # Beyond what is remembered a prompt is scored once a chunk, and the output is the same.
    monkeypatch.setattr(seen_rows, "REMEMBERED", 2)
    again, provenance, _ = ask(double, from_words(words), tmp_path / "again.json")
    assert (again, provenance["distinct_prompts"]) == (found, None)


def test_a_history_makes_another_prompt(double, tmp_path):
    turns = [{"role": "user", "content": "x"}, {"role": "user", "content": "aa"}]
    rows = [{"prompt": "aa"}, {"messages": turns}, {"messages": turns}, {"prompt": "aa"}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found, _, _ = ask(double, from_file(tmp_path / "p.jsonl"), tmp_path / "o.json")
    assert found["quoter"] == [2.0, 102.0, 102.0, 2.0]
    assert Double.asked == [["aa", "aa"]]


def test_an_llm_is_scored_by_its_answers(double, tmp_path):
    (tmp_path / "new.jsonl").write_text('{"prompt": "a", "response": "four"}\n\n{"prompt": "b", "response": "six"}\n')
    responses = [("new", str(tmp_path / "new.jsonl"))]
    found, provenance, said = ask(
        double, from_words(["a", "bb"]), tmp_path / "o.json", models_to_score=["quoter"], responses_of=responses
    )
    assert found == {"quoter": [1.0, 2.0], "new": [7.0, 14.0]}
    digest = sha256((tmp_path / "new.jsonl").read_bytes()).hexdigest()
    assert provenance["responses"] == {"new": {"sha256": digest, "pairs": 2}}
    assert (provenance["unknown_models"], said) == ([], [])
    replaced = [("quoter", str(tmp_path / "new.jsonl"))]
    found, _, said = ask(double, from_words(["a"]), tmp_path / "o.json", responses_of=replaced)
    assert found == {"quoter": [7.0]}
    assert "knows 'quoter' already" in said[0]


@pytest.mark.slow
def test_a_kind_that_knows_llms_by_their_answers_scores_a_new_one(tmp_path):
    desk = Desk(tmp_path)
    spec = json.loads((ROOT / "specs" / "dn_embedding.json").read_text())
    spec |= {"epochs": 1, "data": {"dataset": "sample", "max_samples": 150, "validation_split": 0.25}}
    spec["model"]["spec"] |= {"embedding_model_epochs": 1, "min_model_comparisons": 1}
    desk("train", "--spec-file", desk.write("spec.json", spec), "--executor", "local").ok()
    pairs = [{"prompt": f"What is {at} + 1?", "response": str(at + 1)} for at in range(4)]
    for name, some in (("one", pairs), ("other", [pair | {"response": "I cannot say."} for pair in pairs])):
        desk.write(f"{name}.jsonl", "".join(json.dumps(pair) + "\n" for pair in some))
    words = ("--models-to-score", "quoter", "--prompts", *PROMPTS, "--output-path", "-")
    model = "dn_embedding/dn-embedding-example"
    added = ("--responses-of", "one", "one.jsonl", "--responses-of", "other", "other.jsonl")
    found = infer(desk, model, *words, *added).ok().json
    assert list(found) == ["quoter", "one", "other"]
    assert found["one"] != found["other"]
    assert found["quoter"] == pytest.approx(infer(desk, model, *words).ok().json["quoter"], abs=1e-6)


def test_a_hint_names_no_kind_whose_libraries_are_not_installed(elo, monkeypatch):
    installed = importlib.metadata.version

    def version(name: str) -> str:
        if name == "xgboost":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    home = elo.home
    workspace = Workspace(home / "runs", home / "models", home / "inference_outputs", home / "outbox", home / "cache")
    opened = opening.open_model(workspace, ELO)
    before = opened.kinds_whose(lambda predictor: getattr(predictor, "embeds_llms", False))
    monkeypatch.setattr(importlib.metadata, "version", version)
    after = opened.kinds_whose(lambda predictor: getattr(predictor, "embeds_llms", False))
    assert set(before) - set(after) == {"gradient_boosting", "gb_length_prediction"}
    assert "dn_embedding" in after


def test_what_an_unknown_llm_is_given_is_told_in_the_models_terms(double, tmp_path):
    _, _, said = ask(double, from_words(["a"]), tmp_path / "o.json", models_to_score=["nobody"])
    assert said == ["warning: unseen in training, predicted 0 tokens, which is no answer's length: nobody"]


def test_a_kind_that_embeds_is_given_the_cache(double):
    opened = opening.open_model(double, ELO)
    opened.task.room("answers").open_answers(opened, opened.task.options())
    assert opened.predictor.cache == double.cache


def test_a_score_that_is_no_number_is_not_written(double, tmp_path, monkeypatch):
    from runner.errors import RunFailed

    monkeypatch.setattr(
        Double.Predictor, "score_llms", lambda self, prompts, *_, **__: np.full((1, len(prompts)), np.inf)
    )
    with pytest.raises(RunFailed, match="the score of 'quoter' is inf for the prompt 'a'"):
        ask(double, from_words(["a"]), tmp_path / "o.json")
    assert list(tmp_path.iterdir()) == []


def test_a_network_encodes_each_distinct_prompt_once(network, tmp_path, monkeypatch):
    from runner.training.sentence_encoder import Encoder

    encoded: list[str] = []
    batches = Encoder._batches

    def counting(self, texts, batch_size):
        encoded.extend(texts)
        return batches(self, texts, batch_size)

    monkeypatch.setattr(Encoder, "_batches", counting)
    distinct = [f"What is {at} + 1?" for at in range(12)]
    words = distinct * 2 + distinct[::-1]
    home = network.home
    workspace = Workspace(home / "runs", home / "models", home / "outputs", home / "outbox", tmp_path / "cache")
    output = inferring.Output(tmp_path / "o.json", "json")
    question = inferring.ask(workspace, NETWORK, batch_size=4)
    inferring.infer(workspace, question, from_words(words), output, print, lambda event: None, chunk=8)
    assert sorted(encoded) == sorted(distinct)
    found = json.loads((tmp_path / "o.json").read_text())
    assert len(found) == 12
    for row in found.values():
        assert row[:12] == row[12:24] == row[:23:-1]
    one_by_one = inferring.Output(tmp_path / "one.json", "json")
    question = inferring.ask(workspace, NETWORK, batch_size=1)
    inferring.infer(workspace, question, from_words(distinct), one_by_one, print, lambda event: None)
    single = json.loads((tmp_path / "one.json").read_text())
    assert all(single[name] == pytest.approx(row[:12], abs=1e-5) for name, row in found.items())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(elo, tmp_path):
    """40,000 prompts of 2 kB are 80 MB; a process takes a quarter of that more than for a twentieth of them."""
    prompts = 40_000
    for name, count in (("few", prompts // 20), ("all", prompts)):
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            for at in range(count):
                file.write(json.dumps({"id": at, "prompt": f"{at} " + "lorem ipsum dolor " * 110}) + "\n")
    size = (tmp_path / "all.jsonl").stat().st_size
    assert size > 75e6
    # What a child's usage says of memory has its parent's in it, from before it became another program.
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from runner.cli.app import run\n"
        "code = run(sys.argv[1:])\n"
        "print(code, re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])\n"
    )

    def peak(asked: str, name: str) -> int:
        words = ["infer", "--model", ELO, "--prompts-file", tmp_path / asked, "--output-path", tmp_path / name]
        # Each thread has a heap of its own: how many there are is the machine's matter.
        variables = elo.variables | {"MALLOC_ARENA_MAX": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=elo.home, env=variables, capture_output=True, text=True
        )
        ended, taken = done.stdout.split()[-2:]
        assert ended == "0", done.stderr
        return int(taken) * 1024

    # What the program takes by itself is in both.
    few = peak("few.jsonl", "few-answers.jsonl")
    for name in ("o.json", "o.jsonl"):
        grown = peak("all.jsonl", name) - few
        assert grown < size / 4, grown
    with (tmp_path / "o.jsonl").open() as lines:
        assert sum(json.loads(line)["id"] == at for at, line in enumerate(lines)) == prompts


def test_an_option_of_the_task_is_set_by_name(elo):
    words = ("--set", "unknown=null", "--set", 'models_to_score=["quoter", "nobody"]', "--prompts", "a")
    found = infer(elo, ELO, *words, "--output-path", "-").ok().json
    assert list(found) == ["quoter", "nobody"] and found["nobody"] == [None]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "unknwon=null"), "a model of ranking has no option 'unknwon'\n  did you mean 'unknown'?"),
        (("--set", "unknown=maybe"), "unknown is \"maybe\": input should be 'zero', 'null', 'mean' or 'error'"),
        (("--set", "unknown"), "'unknown' is not key=value"),
        (("--set", "unknown=null", "--set", "unknown=zero"), "'unknown' comes twice"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(elo, words, told):
    refused = infer(elo, ELO, *words, "--prompts", "a", "--output-path", "-")
    assert refused.code == 2
    assert told in refused.err


def test_help_with_a_model_shows_that_models_own_options(elo):
    told = elo("infer", "--help", "--model", ELO).ok().out
    assert f"{ELO}/v1 is a model of ranking." in told
    assert "models_to_score" in told and 'unknown (default "zero")' in told
    assert elo("infer", "--help", "--model", "elo_scoring/none").code == 5


def test_a_type_without_a_mean_llm_says_which_have_one(elo):
    ran = infer(elo, ELO, "--models-to-score", "nobody", "--unknown", "mean", "--prompts", "a")
    assert ran.code == 2 and "elo_scoring has no mean LLM" in ran.err and "dn_embedding" in ran.err


@pytest.mark.slow
def test_an_llm_unseen_in_training_is_the_mean_of_those_that_were(tmp_path_factory):
    fields = {
        "embedding_model_epochs": 1,
        "min_model_comparisons": 1,
        "max_depth": 2,
        "model_type": "gradient_boosting",
    }
    desk = trained(
        "gradient_boosting",
        tmp_path_factory,
        epochs=1,
        data={"dataset": "sample", "max_samples": 60},
        model={"name": "trees", "spec": fields | {"input_features": ["model_embedding"]}},
    )
    words = ("--models-to-score", "quoter", "nobody", "--prompts", "a", "b", "--output-path", "out.json")
    ran = infer(desk, "gradient_boosting/trees", *words, "--unknown", "mean").ok()
    assert "taken for the mean of the LLMs that it knows: nobody" in ran.err
    scores = json.loads((desk.home / "out.json").read_text())
    assert all(isinstance(score, float) for score in scores["nobody"]) and list(scores) == ["quoter", "nobody"]
    costs = desk.write("costs.json", {"quoter": 1.0, "nobody": 2.0})
    route = ("route", "--model", "gradient_boosting/trees", "--costs", costs, "--prompts", "a", "--trade-off", "0")
    assert "does not know 'nobody'" in desk(*route, "--output-path", "-").err
    choice = desk(*route, "--unknown", "mean", "--output-path", "-").ok()
    assert "nobody" in choice.out
