"""No setting is ever lost in silence: each is in the report, once, whatever the format and the file."""

import json
from collections import Counter

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.interchange import importing
from runner.interchange.importers import detection
from runner.interchange.yaml_text import read_config
from runner.spec.checking import load_object
from tests.interchange.configs import ALL, CONFIGS

NAMES = sorted(
    {name.replace("[*]", "").replace(".**", "") for one in detection.FORMATS.values() for name in one.table("sft")}
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["2e-4", "auto", "none", "bf16", "data/x.jsonl", "cosine", "no", "some-org/x"]),
    st.lists(st.one_of(st.integers(0, 9), st.text(max_size=5)), max_size=3),
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 9), max_size=2),
)


def counted(report):
    return Counter(entry.key for entry in report.entries)


@pytest.mark.parametrize(("fmt", "name"), ALL)
def test_every_setting_of_a_configuration_is_reported_once(fmt, name):
    data = CONFIGS[fmt][name].encode()
    report = importing.import_data(data, "config.yaml", fmt)
    assert counted(report) == {leaf.key: 1 for leaf in read_config(data, "config.yaml")}


@pytest.mark.parametrize(("fmt", "name"), ALL)
def test_the_spec_is_valid_or_the_report_says_what_is_to_be_added(fmt, name):
    report = importing.import_data(CONFIGS[fmt][name].encode(), "config.yaml", fmt)
    if report.to_add:
        # What a configuration cannot say: where the data are, a reward that is code.
        assert {fault.message for fault in report.to_add} <= {"`dataset` is missing", "`rewards` is missing"}
    else:
        assert load_object(report.spec).kind == report.kind
    json.dumps(report.as_dict())


@pytest.mark.parametrize("fmt", detection.FORMATS)
@given(extra=st.dictionaries(st.sampled_from(NAMES) | st.text("abcdef_.", min_size=1, max_size=8), VALUES, max_size=8))
@settings(max_examples=25, deadline=None)
def test_whatever_is_written_is_reported_once(fmt, extra):
    document: dict = {}
    for key, value in extra.items():
        names = [name for name in key.split(".") if name] or ["x"]
        place = document
        for part in names[:-1]:
            below = place.setdefault(part, {})
            place = below if isinstance(below, dict) else document
        place[names[-1]] = value
    data = yaml.safe_dump(document or {"x": 1}).encode()
    report = importing.import_data(data, "<stdin>", fmt)
    assert counted(report) == {leaf.key: 1 for leaf in read_config(data, "<stdin>")}
    assert not report.to_add or all(fault.message for fault in report.to_add)


def test_a_setting_that_is_known_and_one_that_is_not_are_told_apart():
    report = importing.import_data(CONFIGS["axolotl"]["grpo with rewards of a module"].encode(), "config.yaml")
    by = {entry.key: entry for entry in report.entries}
    assert by["warmpu_ratio"].outcome == "unknown"
    assert by["warmpu_ratio"].do == "did you mean 'warmup_ratio'?"
    assert by["deepspeed"].outcome == "no equivalent"
    assert not by["deepspeed"].effect
    assert by["plugins"].outcome == "refused"


@pytest.mark.parametrize(("fmt", "name"), [one for one in ALL if "hf_secretvalue" in CONFIGS[one[0]][one[1]]])
def test_a_secret_is_neither_in_the_spec_nor_in_the_report(fmt, name):
    report = importing.import_data(CONFIGS[fmt][name].encode(), "config.yaml", fmt)
    assert "hf_secretvalue" not in json.dumps(report.as_dict())
    assert [entry.what for entry in report.entries if entry.outcome == "secret"] == ["HF_TOKEN serves"]


@pytest.mark.parametrize(("fmt", "name"), [one for one in ALL if one[0] != "autotrain"])
def test_the_format_is_found_by_its_names(fmt, name):
    found, _ = detection.detect(read_config(CONFIGS[fmt][name].encode(), "config.yaml"))
    assert found.name == fmt


@pytest.mark.parametrize("key", ["my_token", "openai_api_key", "db.password", "client_secret"])
def test_a_secret_that_no_format_knows_is_kept_out_by_its_name(key):
    text = yaml.safe_dump({"base_model": "a/b", "sequence_len": 8, "micro_batch_size": 1, key: "sesame"})
    report = importing.import_data(text.encode(), "config.yaml")
    assert [entry.outcome for entry in report.entries if entry.key == key] == ["secret"]
    assert "sesame" not in json.dumps(report.as_dict())


@pytest.mark.parametrize("key", ["special_tokens.eos_token", "run_label"])
def test_a_key_of_the_hub_is_not_shown_wherever_it_stands(key):
    text = f"base_model: a/b\nsequence_len: 8\nmicro_batch_size: 1\n{key}: hf_abcdefghijklmnopqrst\n"
    assert "hf_abcdefghij" not in json.dumps(importing.import_data(text.encode(), "config.yaml").as_dict())
