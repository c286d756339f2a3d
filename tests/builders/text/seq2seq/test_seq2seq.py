"""Texts turned into others: what each field changes, what is refused, and what a stored model does in use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from runner.data.dialogues.row_types import SourceRow
from runner.errors import DataError, SpecError, UsageError

WHOLE = {"rouge1", "rouge2", "rougeL", "bleu", "chrf", "exact_match", "written_tokens", "cut_texts"}


@pytest.fixture(scope="module")
def kept():
    """What :func:`plain` has made so far."""
    return {}


@pytest.fixture
def plain(train, kept):
    """The weights of a training with no field named: made once, by the first test that asks for them."""
    if "weights" not in kept:
        kept["weights"] = train().weights
    return kept["weights"]


@pytest.mark.parametrize(
    "fields",
    [
        {"source_prefix": "translate: "},
        {"max_length": 8},
        {"max_target_length": 6},
        {"learned_targets": "first"},
        {"label_smoothing": 0.5},
    ],
    ids=str,
)
@pytest.mark.slow
@pytest.mark.warm
def test_a_field_changes_what_is_learned(fields, plain, train):
    assert train(**fields).weights != plain


def test_what_is_measured(train):
    result = train(epochs=2).result
    assert result.metrics["loss_low"] <= result.metrics["loss"] <= result.metrics["loss_high"]
    assert result.metrics.keys() >= WHOLE
    # Two targets of a source are two rows, and one text that is written.
    assert (result.metrics["n_train"], result.metrics["n_validation"]) == (5, 3)
    assert result.tables["written"]["note"] == "Of 2 held-out sources."
    names = [row[0] for row in result.tables["baselines"]["rows"]]
    assert names == ["base model", "how often tokens come", "the source as it stands"]


def test_fewer_sources_are_written_where_the_spec_says_so(train):
    result = train(evaluation={"limit": 1}).result
    assert result.tables["written"]["note"] == "Of 1 held-out source of 2."
    assert train(evaluation={"limit": None}).result.tables["written"]["note"] == "Of 2 held-out sources."


def test_the_best_is_told_by_what_is_written(train):
    trained = train(epochs=2, evaluation={"measure": "chrf"})
    epochs = [event for event in trained.emitted if event["event"] == "epoch"]
    assert all("chrf" in event["metrics"] for event in epochs)
    without = [event for event in train().emitted if event["event"] == "epoch"]
    assert not any("chrf" in event["metrics"] for event in without)


def test_cut_rows_are_told_of_and_a_cut_target_does_not_teach_to_end(train):
    from runner.builders.text._targets.source_tokenizer import open_tokenizer
    from runner.builders.text._targets.target_tokens import NOT_LEARNED, encoded

    trained = train(max_length=8, max_target_length=9)
    told = " ".join(trained.warnings)
    assert "a source is cut at max_length (8 tokens)" in told
    assert "a target is cut at max_target_length (9 tokens), and its end is not learned" in told
    tokenizer = open_tokenizer(trained.folder, "", None, None)

    class Lengths:
        source_prefix, max_length, max_target_length, learned_targets = "", 8, 6, "all"

    (long, short) = encoded([SourceRow(1, "a", ("abcdefgh", "abc"))], tokenizer, Lengths, "train").labels
    assert long[-1] == NOT_LEARNED and short[-1] == tokenizer.eos_token_id
    assert len(long) == 6


def test_letters_without_a_token_are_told_of(train, tiny_t5, tmp_path):
    # The tiny model has a token for every byte: one that lacks some is made of it.
    import shutil

    folder = tmp_path / "base"
    shutil.copytree(tiny_t5, folder)
    document = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = document["model"]["vocab"]
    document["model"] |= {"vocab": {**{k: v for k, v in vocabulary.items() if k != "H"}, "\u2603": vocabulary["H"]},
                          "unk_token": "<unk>"}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(document))
    assert any("letters that the tokenizer has no token for" in each for each in train(base=folder).warnings)


@pytest.mark.parametrize(
    "method",
    ["lora", "last_layers", *(pytest.param(name, marks=pytest.mark.slow) for name in ("dora", "rslora", "ia3"))],
)
@pytest.mark.parametrize("family", ["t5", "bart"])
@pytest.mark.slow
@pytest.mark.warm
def test_methods_train_the_decoder_and_answer(method, family, train, request):
    spec = {"method": method} | ({"num_layers": 1} if method == "last_layers" else {})
    trained = train(base=request.getfixturevalue(f"tiny_{family}"), finetuning_spec=spec)
    assert len(trained.ask("a fox")[0]) == 1


def test_bitfit_needs_biases(train, tiny_bart):
    assert train(base=tiny_bart, finetuning_spec={"method": "bitfit"}).result.metrics["loss"] > 0
    with pytest.raises(DataError, match="a t5 model has none"):
        train(finetuning_spec={"method": "bitfit"})


def test_adapters_are_put_beside_both_stacks(train):
    from safetensors.torch import load_file

    trained = train(finetuning_spec={"method": "lora", "rank": 2}, save_as="adapter")
    names = load_file(trained.folder / "adapter_model.safetensors")
    assert {name.split(".")[2] for name in names} == {"encoder", "decoder"}
    assert trained.ask("a fox", max_new_tokens=5)[0][0].completion_tokens <= 5


def test_a_spec_says_how_it_is_written(train):
    writing = {
        "num_beams": 3, "max_new_tokens": 9, "min_new_tokens": 4, "length_penalty": 2.0, "no_repeat_ngram_size": 2,
        "repetition_penalty": 1.5,
    }  # fmt: skip
    trained = train(writing=writing)
    stored = json.loads((trained.folder / "generation_config.json").read_text())
    assert stored.items() >= writing.items()
    ((found,),) = trained.ask("a fox")
    assert 4 <= found.completion_tokens <= 9
    assert train().result.tables["written"] != trained.result.tables["written"]


def test_an_option_has_its_own_say(train):
    trained = train(writing={"num_beams": 2})
    assert len(trained.ask("a fox", n=2, num_beams=3)[0]) == 2
    drawn = trained.ask("a fox", "two hares", temperature=1.0, n=3, max_new_tokens=6)
    assert len({each.text for each in drawn[0]}) > 1
    assert trained.ask("two hares", temperature=1.0, n=3, max_new_tokens=6)[0] == drawn[1]
    (told,) = trained.ask("a fox", num_beams=1, logprobs=True, max_new_tokens=4)[0]
    assert len(told.tokens) == told.completion_tokens and all(value <= 0 for _, value in told.tokens)
    whole = trained.ask("a fox", max_new_tokens=20)[0][0].text
    if len(whole) > 2:
        assert (
            trained.ask("a fox", max_new_tokens=20, stop=[whole[2]])[0][0].text
            == whole[: whole.index(whole[2])].strip()
        )


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"logprobs": True, "num_beams": 2}, "--set logprobs"),
        ({"system": "Be brief."}, "--set system"),
        ({"top_k": 3}, "--set top_k"),
        ({"num_beams": 2, "temperature": 1.0}, "--set num_beams"),
        ({"num_beams": 1, "length_penalty": 2.0}, "--set length_penalty"),
        ({"min_new_tokens": 9, "max_new_tokens": 3}, "--set min_new_tokens"),
    ],
    ids=str,
)
def test_what_it_cannot_do_is_refused_by_name(options, where):
    from runner.tasks.generation.options import TargetOptions

    with pytest.raises(UsageError) as caught:
        TargetOptions.model_validate(options).check()
    assert caught.value.where == where


def test_a_long_source_is_refused_in_use(train):
    with pytest.raises(DataError, match="row 1: the source has more than 8 tokens"):
        train(max_length=8).ask("a source of many letters")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"target_language": "de_DE"}, "/model/spec/target_language"),
        ({"source_language": "en_XX"}, "/model/spec/source_language"),
    ],
    ids=str,
)
def test_a_language_is_of_a_model_that_knows_several(fields, said, train):
    with pytest.raises(DataError, match="knows no languages") as caught:
        train(**fields)
    assert caught.value.where == said


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"writing": {"length_penalty": 2.0}}, "length_penalty"),
        ({"writing": {"min_new_tokens": 9, "max_new_tokens": 4}}, "min_new_tokens"),
        ({"writing": {"min_new_tokens": 999}}, "min_new_tokens"),
        ({"evaluation": {"measure": "rouge"}}, "measure"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"max_target_length": 1}, "max_target_length"),
    ],
    ids=str,
)
def test_a_spec_that_is_none_is_refused(fields, place, train):
    with pytest.raises(SpecError) as caught:
        train(**fields)
    assert place in str(caught.value.faults[0].pointer)


def test_a_model_without_a_decoder_is_refused(train, tiny_t5, tmp_path):
    from runner.training import made_models

    encoder = made_models.made("runner/tiny-bert", tmp_path)
    with pytest.raises(DataError, match="no encoder with a decoder") as caught:
        train(base=encoder)
    assert str(caught.value.where).startswith("/model/spec/base_model_name")


def test_two_encoders_put_together_need_a_beginning(train, tmp_path):
    from transformers import AutoTokenizer, BertConfig, EncoderDecoderConfig, EncoderDecoderModel

    from runner.training import made_models

    encoder = made_models.made("runner/tiny-bert", tmp_path)
    small = {
        "vocab_size": 100,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 8,
    }
    config = EncoderDecoderConfig.from_encoder_decoder_configs(BertConfig(**small), BertConfig(**small))
    EncoderDecoderModel(config=config).save_pretrained(tmp_path / "both")
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path / "both")
    with pytest.raises(DataError, match="decoder_start_token_id is missing"):
        train(base=tmp_path / "both")


#: What transformers alone writes by the folders of stored models, in one new process: a line each.
THEIRS = """
import sys
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
for folder in sys.argv[1:]:
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for text in ("a fox", "two hares"):
        out = model.generate(**tokenizer("to: " + text, return_tensors="pt"))[0]
        print(repr(tokenizer.decode(out, skip_special_tokens=True).strip()))
"""


@pytest.mark.slow
def test_transformers_writes_the_same_in_a_new_process(train, tiny_t5, tiny_bart):
    both = [train(base=base, writing={"num_beams": 3}, source_prefix="to: ") for base in (tiny_t5, tiny_bart)]
    words = [sys.executable, "-c", THEIRS, *(str(each.folder) for each in both)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    ours = [found[0].text for each in both for found in each.ask("a fox", "two hares")]
    assert done.stdout.splitlines() == list(map(repr, ours))
