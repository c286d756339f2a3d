"""The data section of a router's spec: from a file to two splits, and everything that can be wrong with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from jsonschema_rs import validator_for
from pydantic import ValidationError

from runner.data.comparisons import A, Comparisons, ComparisonsData
from runner.errors import DataError, NotFoundError


def section(path, **fields):
    return ComparisonsData(dataset=str(path), **fields)


def test_both_splits_share_models_and_prompts_and_no_prompt_is_in_both(raw, tmp_path, context):
    data = section(raw.jsonl(tmp_path / "x.jsonl", raw.some(200, prompts=40))).load(context())
    train, validation = data.train, data.validation
    assert isinstance(train, Comparisons) and train.models == validation.models == ("m0", "m1", "m2", "m3")
    assert train.prompts is validation.prompts and len(train) + len(validation) == 200
    assert not set(train.prompt) & set(validation.prompt)
    assert len(validation) == 40
    assert (train.prompt.dtype, train.model_a.dtype, train.winner.dtype) == (np.int32, np.int32, np.int8)
    assert data.record["train"] == len(train) and data.record["rows_read"] == 200
    assert sum(data.record["winners"].values()) == 200


def test_rows_say_what_the_file_says(raw, tmp_path, context):
    rows = [raw.row(a="x", b="y", winner="model_b", prompt=f"p{at}", answers=(f"a{at}", f"b{at}")) for at in range(4)]
    train = section(raw.jsonl(tmp_path / "x.jsonl", rows), validation_split=0.0).load(context()).train
    for at in range(4):
        assert train.prompts[train.prompt[at]] == f"p{at}"
        assert (train.responses_a[at], train.responses_b[at]) == (f"a{at}", f"b{at}")
        assert (train.models[train.model_a[at]], train.models[train.model_b[at]]) == ("x", "y")
    assert train.decided.all() and train.tags == {} and train.groups == ("",) * 4
    some = train.take(np.array([2, 0]))
    assert some.responses_a == ("a2", "a0") and some.prompts is train.prompts and len(some) == 2
    assert train.take(train.winner == A).responses_a == ()


def test_prompts_are_one_with_their_history_and_split_by_their_words(raw, tmp_path, context):
    rows = [
        raw.row(prompt=prompt, history=history, a=f"m{at % 2}", b=f"m{at % 2 + 1}")
        for prompt in ("Go on", "go  ON", "stop")
        for at, history in enumerate([(), (("q", "r"),), (("q", "r"),)])
    ]
    data = section(raw.jsonl(tmp_path / "x.jsonl", rows), validation_split=0.4).load(context())
    assert len(data.train.prompts) == 6
    words = [
        {data.train.prompts[at].split()[0].lower() for at in split.prompt} for split in (data.train, data.validation)
    ]
    assert words[0] and words[1] and not words[0] & words[1]


def test_no_split_at_all_is_legitimate(raw, tmp_path, context):
    data = section(raw.jsonl(tmp_path / "x.jsonl", raw.some(20)), validation_split=0.0).load(context())
    assert len(data.train) == 20 and len(data.validation) == 0 and data.validation.models == data.train.models


def test_parquet_and_jsonl_in_either_layout_are_the_same_data(raw, tmp_path, context):
    prints = set()
    for parts in (True, False):
        rows = raw.some(50, parts=parts)
        for path in (
            raw.jsonl(tmp_path / "x.jsonl", rows),
            raw.parquet(tmp_path / "x.parquet", rows, row_group_size=7),
        ):
            data = section(path, max_samples=30, seed=5).load(context())
            prints.add((data.fingerprint, tuple(data.validation.responses_a)))
    assert len(prints) == 1
    other = raw.some(50)
    other[3]["winner"] = "both_bad"
    changed = section(raw.jsonl(tmp_path / "x.jsonl", other), max_samples=50).load(context())
    whole = section(raw.jsonl(tmp_path / "y.jsonl", raw.some(50)), max_samples=50).load(context())
    assert changed.fingerprint != whole.fingerprint


def test_the_seed_decides_sample_and_split(raw, tmp_path, context):
    path = raw.jsonl(tmp_path / "x.jsonl", raw.some(100, prompts=30))
    loads = [section(path, max_samples=60, seed=seed).load(context()) for seed in (1, 1, 2)]
    assert loads[0].fingerprint == loads[1].fingerprint != loads[2].fingerprint
    assert loads[0].validation.responses_a == loads[1].validation.responses_a
    assert loads[0].record["rows_sampled"] == 60


@pytest.mark.parametrize("field", ["min_model_occurrences", "min_model_comparisons"])
def test_rare_llms_go_before_the_split_and_are_named(raw, tmp_path, context, listen, field):
    rows = [*raw.some(40, models=3), raw.row(a="rare", b="m0"), raw.row(a="rare", b="m1", prompt="other")]
    data = section(raw.jsonl(tmp_path / "x.jsonl", rows)).load(context(**{field: 3}))
    assert data.train.models == ("m0", "m1", "m2")
    assert data.record["models_dropped_by_filter"] == ["rare"] and data.record["rows_dropped_by_filter"] == 2
    (warning,) = [message for message in listen.warnings if "drops" in message]
    assert "rare" in warning and field in warning


def test_a_filter_that_empties_the_data_names_both_places_and_the_largest_value(raw, tmp_path, context):
    path = raw.jsonl(tmp_path / "x.jsonl", raw.some(200))
    with pytest.raises(DataError) as caught:
        section(path, max_samples=60).load(context(min_model_occurrences=1000))
    error = caught.value
    assert "/data/max_samples 60" in error.message and "/model/spec/min_model_occurrences 1000" in error.message
    largest = int(error.hint.split("at most ")[1].split()[0])
    assert len(section(path, max_samples=60).load(context(min_model_occurrences=largest)).train)
    with pytest.raises(DataError, match="no comparison is left"):
        section(path, max_samples=60).load(context(min_model_occurrences=largest + 1))
    with pytest.raises(DataError, match="max_samples null"):
        section(path).load(context(min_model_occurrences=1000))


def test_skipped_rows_are_counted_and_said(raw, tmp_path, context, listen):
    rows = [*raw.some(10), raw.row(winner="?"), raw.row(answers=("", "x")), raw.row(winner="!")]
    data = section(raw.jsonl(tmp_path / "x.jsonl", rows)).load(context())
    assert data.record["skipped"] == {"unknown winner": 2, "empty response": 1}
    assert data.record["skipped_first_row"] == {"unknown winner": 11, "empty response": 12}
    assert (data.record["rows_read"], data.record["rows_valid"]) == (13, 10)
    assert "skipped 3 of 13 rows: unknown winner (2, first in line 11)" in listen.warnings[0]


def test_one_llm_only(raw, tmp_path, context):
    with pytest.raises(DataError, match="one LLM only") as caught:
        section(raw.jsonl(tmp_path / "x.jsonl", [raw.row(b="m1")] * 3)).load(context())
    assert caught.value.where == str(tmp_path / "x.jsonl")


def test_nothing_usable(raw, tmp_path, context):
    with pytest.raises(DataError, match="no winner is understood: the column 'winner' has 'x'"):
        section(raw.jsonl(tmp_path / "x.jsonl", [raw.row(winner="x")] * 2)).load(context())


def test_one_prompt_cannot_be_split(raw, tmp_path, context):
    path = raw.jsonl(tmp_path / "x.jsonl", raw.some(20, prompts=1))
    with pytest.raises(DataError, match="one prompt") as caught:
        section(path).load(context())
    assert caught.value.where == "/data/validation_split"
    assert len(section(path, validation_split=0.0).load(context()).train) == 20


def test_a_graph_in_parts_and_llms_without_a_loss_are_warned_of(raw, tmp_path, context, listen):
    rows = [raw.row(a=a, b=b, prompt=f"p{at}") for at in range(6) for a, b in (("w", "x"), ("y", "z"))]
    section(raw.jsonl(tmp_path / "x.jsonl", rows), validation_split=0.0).load(context())
    said = " | ".join(listen.warnings)
    assert "not connected" in said and "w, x; y, z" in said
    assert "only won, in every decided training comparison: w, y" in said and ": x, z" in said


def test_a_split_far_from_what_was_asked_is_said(raw, tmp_path, context, listen):
    rows = [raw.row(prompt="p" if at else "q", answers=(f"{at}", "x")) for at in range(20)]
    data = section(raw.jsonl(tmp_path / "x.jsonl", rows), validation_split=0.5).load(context())
    assert len(data.validation) in (1, 19)
    assert any("validation split is" in message for message in listen.warnings)


def test_groups_and_tags_come_along(raw, tmp_path, context):
    rows = raw.some(20)
    for at, each in enumerate(rows):
        each["kind"] = "sums" if at % 2 else "riddles"
        each["category_tag"] = {"math_v0.1": {"math": bool(at % 2)}}
    train = section(raw.parquet(tmp_path / "x.parquet", rows), validation_split=0.0).load(context()).train
    assert set(train.groups) == {"sums", "riddles"} and len(train.groups) == len(train.prompts)
    assert train.tags["math"].tolist() == [float(at % 2) for at in range(20)] and len(train.tags) == 12


def test_the_packaged_sample_loads_whole(context):
    data = ComparisonsData(dataset="sample").load(context(min_model_occurrences=20))
    assert data.record["skipped"] == {} and len(data.train.models) > 2 and len(data.validation)
    assert "" not in data.train.groups


def test_real_human_comparisons(shared_data, context):
    data = section(shared_data / "pandalm_human_comparisons.jsonl").load(context(min_model_occurrences=100))
    assert data.record["rows_read"] == 999 and data.record["skipped"] == {"empty response": 54}
    assert len(data.train.models) == 5 and len(data.train) + len(data.validation) == 945
    assert abs(len(data.validation) / 945 - 0.2) < 0.05


def test_what_loading_reads_and_whether_it_needs_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    own = ComparisonsData(dataset="some/file.parquet")
    assert [str(path) for path in own.local_files()] == ["some/file.parquet"] and not own.network_needed(tmp_path)
    assert not ComparisonsData(dataset="sample").network_needed(tmp_path)
    for name in ("lmarena_human_preference", "chatbot_arena", "both"):
        hub = ComparisonsData(dataset=name)
        assert hub.network_needed(tmp_path) and hub.local_files() == []


GOOD = [
    "lmarena_human_preference",
    "chatbot_arena",
    "both",
    "sample",
    "x.parquet",
    "a b/ü.jsonl",
    "~/x.jsonl",
    "a/.parquet",
    "x.parquet.gz",
    "x.PARQUET",
    "x.Csv.Gz",
    "x.json",
    "x.arrow",
    "shards/",
    "x/*.csv",
    "*.jsonl",
]
BAD = [
    "",
    "lmarena",
    "x.txt",
    ".parquet",
    "x.parquet\n",
    "x\n.parquet",
    "\x00.jsonl",
    "shards",
    "*.csv\n",
    "x.gz",
    " sample",
]


def test_the_published_schema_accepts_what_the_code_accepts():
    schema = ComparisonsData.model_json_schema()
    judges = (Draft202012Validator(schema).is_valid, validator_for(schema).is_valid)
    for dataset in (*GOOD, *BAD):
        document = {"dataset": dataset}
        if dataset in GOOD:
            assert ComparisonsData.model_validate_json(json.dumps(document)).dataset == dataset
        else:
            with pytest.raises(ValidationError):
                ComparisonsData.model_validate_json(json.dumps(document))
        assert [judge(document) for judge in judges] == [dataset in GOOD] * 2, dataset


@pytest.mark.parametrize(
    "fields",
    [{"max_samples": 0}, {"max_samples": True}, {"validation_split": 1.0}, {"validation_split": -0.1}, {"seed": -1}],
)
def test_values_out_of_bounds(fields):
    with pytest.raises(ValidationError):
        ComparisonsData(**fields)


def test_a_misspelt_data_set_is_guessed():
    with pytest.raises(ValidationError, match="did you mean 'chatbot_arena'"):
        ComparisonsData(dataset="chatbot_arenas")


def test_no_such_file(tmp_path, context, raw):
    raw.jsonl(tmp_path / "real.jsonl", raw.some(3))
    with pytest.raises(NotFoundError) as caught:
        section(tmp_path / "reel.jsonl").load(context())
    assert "real.jsonl" in caught.value.hint
