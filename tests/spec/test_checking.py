import json
from pathlib import Path

import pytest

from runner import registry
from runner.builders.routing.elo_scoring import Spec as EloSpec
from runner.contract import DataSection
from runner.errors import NotFoundError, SpecError
from runner.spec.checking import for_kind, load, load_file, load_object, with_flags
from runner.spec.origins import origins

ROOT = Path(__file__).parents[2]


def faults(function, *arguments):
    with pytest.raises(SpecError) as caught:
        function(*arguments)
    return caught.value.faults


def test_a_spec_comes_out_as_its_kind_s_own_classes(document):
    loaded = load_object(document)
    assert loaded.kind == loaded.spec.kind == "elo_scoring"
    assert type(loaded.spec.model.spec) is EloSpec
    assert isinstance(loaded.spec.data, DataSection)
    assert loaded.spec.data.validation_split == 0.2
    assert loaded.spec.log.print_every == 1


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_are_valid_without_a_warning(path):
    loaded = load_file(path)
    assert loaded.warnings == []
    if path.stem in registry.kinds():
        assert loaded.kind == path.stem


def test_integral_numbers_are_integers(document):
    text = (
        json.dumps(document).replace('"epochs": 3', '"epochs": 3.0').replace('"batch_size": 32', '"batch_size": 3.2e1')
    )
    loaded = load(text)
    assert (loaded.spec.epochs, loaded.spec.batch_size) == (3, 32)
    assert type(loaded.spec.epochs) is int


def test_an_older_spelling_is_taken_with_a_warning_at_its_key(document):
    document["data"]["valiation_split"] = 0.1
    text = json.dumps(document, indent=2)
    loaded = load(text)
    assert loaded.spec.data.validation_split == 0.1
    (warning,) = loaded.warnings
    assert warning.pointer == "/data/valiation_split"
    assert "validation_split" in warning.message
    assert text.split("\n")[warning.line - 1][warning.column - 1 :].startswith('"valiation_split"')


def test_epochs_are_ignored_with_a_warning_by_a_closed_form(document):
    document["model"]["spec"] = {"model_type": "least_squares_scoring"}
    (warning,) = load_object(document).warnings
    assert warning.pointer == "/epochs"
    document |= {"epochs": 0, "batch_size": 0}
    assert load_object(document).warnings == []
    del document["epochs"], document["batch_size"]
    assert load_object(document).spec.epochs == 0


def test_epochs_are_needed_by_a_kind_that_has_them(document):
    del document["epochs"]
    (fault,) = faults(load_object, document)
    assert "`epochs` is missing" in fault.message


def test_a_stored_model_to_start_from_leaves_the_kind_open(document):
    document["model"] = {"name": "next", "start_state": "elo_scoring/ratings/v2", "spec": {"anything": [1]}}
    loaded = load_object(document)
    assert loaded.kind is None
    assert loaded.spec.model.spec is None
    assert loaded.spec.data == {"dataset": "sample"}
    (warning,) = loaded.warnings
    assert warning.pointer == "/model/spec"
    known = for_kind(loaded, "elo_scoring")
    assert isinstance(known.spec.data, DataSection)
    assert known.kind == "elo_scoring"


def test_a_stored_model_s_kind_brings_its_own_faults(document):
    document["model"] = {"name": "next", "start_state": "ratings"}
    document["data"] = {"datset": "sample"}
    document["epochs"] = 0
    loaded = load_object(document)
    assert [fault.pointer for fault in faults(for_kind, loaded, "elo_scoring")] == ["/data/datset", "/epochs"]


def test_faults_of_both_readers_come_once_and_in_the_text_s_order(document):
    document["model"]["name"] = "cafe\u0301"  # only the code can say that this is not composed
    document["model"]["spec"]["k_factor"] = 0  # both say that this is too small
    document["epochs"] = "3"
    found = faults(load_object, document)
    assert [fault.pointer for fault in found] == ["/model/name", "/model/spec/k_factor", "/epochs"]
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)


def test_a_fault_under_an_older_spelling_points_at_it_as_written(tiny):
    document = {"model": {"name": "m", "spec": {"model_type": "tiny", "form": {"size": "small", "w": "x"}}},
                "data": {"path": "p"}, "epochs": 1}  # fmt: skip
    (fault,) = faults(load_object, document)
    assert fault.pointer == "/model/spec/form/w"
    document["model"]["spec"]["form"]["w"] = 5
    loaded = load_object(document)
    assert loaded.spec.model.spec.shape.width == 5
    assert [warning.pointer for warning in loaded.warnings] == ["/model/spec/form", "/model/spec/form/w"]


def test_two_older_spellings_are_one_too_many(tiny):
    document = {"model": {"name": "m", "spec": {"model_type": "tiny", "shape": {"size": "small", "w": 1, "wide": 1}}},
                "data": {"path": "p"}, "epochs": 1}  # fmt: skip
    (fault,) = faults(load_object, document)
    assert fault.pointer == "/model/spec/shape/wide"


def test_a_required_field_may_be_spelt_in_the_older_way(tiny):
    spec = {"model_type": "tiny", "shape": {"size": "large", "layers": 2}}
    document = {"model": {"name": "m", "spec": spec}, "data": {"path": "p"}, "epochs": 1}
    assert load_object(document).spec.model.spec.shape.depth == 2
    del spec["shape"]["layers"]
    (fault,) = faults(load_object, document)
    assert fault.pointer == "/model/spec/shape"
    assert "depth" in fault.message


def large(**fields):
    spec = {"model_type": "tiny", "shape": {"size": "large", "depth": 1, **fields}}
    return {"model": {"name": "m", "spec": spec}, "data": {"path": "p"}, "epochs": 1}


@pytest.mark.parametrize(("bits", "dense"), [(4, True), (8, False), (8.0, False)])
def test_an_older_spelling_s_value_becomes_the_present_one(tiny, bits, dense):
    loaded = load_object(large(bits=bits))
    assert loaded.spec.model.spec.shape.dense is dense
    (warning,) = loaded.warnings
    assert warning.pointer == "/model/spec/shape/bits"
    assert f'write "dense": {json.dumps(dense)}' in warning.hint
    assert load_object(large(packed=dense)).spec.model.spec.shape.dense is dense


@pytest.mark.parametrize("bits", [5, True, "4", None])
def test_an_older_spelling_with_values_of_its_own_takes_no_others(tiny, bits):
    (fault,) = faults(load_object, large(bits=bits))
    assert fault.pointer == "/model/spec/shape/bits"
    assert fault.expected == "4 or 8"


@pytest.mark.parametrize("other", ["dense", "packed"])
def test_an_older_spelling_with_values_of_its_own_stands_alone(tiny, other):
    (fault,) = faults(load_object, large(**{"bits": 4, other: True}))
    assert "older spelling of `dense`" in fault.message


def test_an_unknown_kind_does_not_hide_the_envelope_s_faults(document):
    document["model"]["spec"]["model_type"] = "elo_scorin"
    document["log"] = {"print_every": 0}
    found = faults(load_object, document)
    assert [fault.pointer for fault in found] == ["/model/spec/model_type", "/log/print_every"]
    assert 'did you mean "elo_scoring"?' in found[0].hint


def test_values_that_are_no_json_are_refused(document):
    for value in (float("nan"), object(), {1, 2}):
        document["epochs"] = value
        assert faults(load_object, document)


def test_a_secret_is_not_repeated(document):
    document["run"] = {"env": ["WANDB_API_KEY=abc123"]}
    document["api_token"] = "abc123"
    with pytest.raises(SpecError) as caught:
        load_object(document)
    assert "abc123" not in json.dumps(caught.value.as_dict())


def test_flags_are_checked_as_the_document_is(document):
    loaded = with_flags(load_object(document), {"/run/executor": "docker", "/epochs": 5})
    assert (loaded.spec.run.executor, loaded.spec.epochs) == ("docker", 5)
    (fault,) = faults(with_flags, loaded, {"/run/executor": "cloud"})
    assert fault.pointer == "/run/executor"
    # The fault is the command line's: it has no place in the document, and tells the flag's value.
    assert fault.line is None
    assert fault.found == '"cloud"'


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError):
        load_file(tmp_path / "none.json")


def test_memory_and_gpus_in_words(document):
    document["run"] = {"memory": "512m", "gpus": "all"}
    run = load_object(document).spec.run
    assert run.memory_bytes == 512 * 2**20
    assert run.gpus == "all"


def test_faults_without_end_are_cut(document):
    document |= {f"key{n}": n for n in range(20000)}
    document["run"] = {"env": [1] * 20000}
    assert 100 <= len(faults(load_object, document)) <= 200


def marked(marks):
    return {"model": {"name": "m", "spec": {"model_type": "tiny", "marks": marks}}, "data": {"path": "p"}, "epochs": 1}


@pytest.mark.parametrize(
    ("written", "meant", "at"),
    [("everything", "all", ""), (["dot", "line"], ["point", "line"], "/0"), (["line", "dot"], ["line", "point"], "/1")],
)
def test_an_older_word_is_taken_with_a_warning_at_its_place(tiny, written, meant, at):
    loaded = load_object(marked(written))
    assert loaded.spec.model.spec.marks == meant
    (warning,) = loaded.warnings
    now = "all" if not at else "point"
    assert warning.message == f'an older spelling of "{now}"' and f'write "{now}"' in warning.hint
    assert warning.pointer == f"/model/spec/marks{at}"
    assert {origin.origin for origin in origins(loaded) if origin.pointer == "/model/spec/marks"} == {"older spelling"}


def test_a_misspelt_older_word_is_told_by_the_present_one(tiny):
    (fault,) = faults(load_object, marked(["dott"]))
    assert fault.hint == 'did you mean "point"?' and "dot" not in fault.expected


def test_a_field_of_another_section_is_told_with_its_place():
    document = {"model": {"name": "x", "spec": {"model_type": "bradley_terry_scoring"}}}
    document["data"] = {"dataset": "x.csv", "columns": {"prompt": "Q", "model": "LLM", "winer": "W"}}
    assert [(fault.pointer, fault.hint) for fault in faults(load_object, document)] == [
        ("/data/columns/model", "did you mean /data/outcomes/columns/model?"),
        ("/data/columns/winer", 'did you mean "winner"?'),
    ]


@pytest.mark.parametrize(
    ("name", "means", "fields"),
    [
        ("rloo", "grpo", '"baseline": "others"'),
        ("Dr-GRPO", "grpo", '"loss_type": "dr_grpo"'),
        ("gkd", "distillation", '"on_policy"'),
        ("ipo", "dpo", '"loss_type": "ipo"'),
        ("rm", "reward", ""),
    ],
)
def test_a_name_that_a_kind_has_elsewhere_leads_to_it(document, name, means, fields):
    document["model"]["spec"]["model_type"] = name
    (fault,) = faults(load_object, document)
    assert fault.hint.startswith(f'here it is "{means}"')
    assert fields in fault.hint
    with pytest.raises(NotFoundError) as refused:
        registry.load(name)
    assert refused.value.hint.startswith(f"here it is {means}")


def test_names_of_elsewhere_are_no_kinds_and_name_fields_of_theirs():
    for kind in registry.built_in():
        for name, fields in getattr(registry.load(kind), "CALLED", {}).items():
            assert registry.find(name) is None
            if fields:
                assert fields.split('"')[1] in registry.load(kind).Spec.model_fields
