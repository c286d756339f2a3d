from runner.spec import pointers
from runner.spec.canonical import canonical
from runner.spec.checking import load_object, with_flags
from runner.spec.origins import origins, overridden


def test_every_value_has_its_origin(document):
    document["data"]["valiation_split"] = 0.1
    flags = {"/run/executor": "local"}
    loaded = with_flags(load_object(document), flags)
    found = {origin.pointer: origin for origin in origins(loaded, flags)}
    assert found["/model/spec/k_factor"].origin == "spec"
    assert found["/model/spec/initial_rating"].origin == "default"
    assert found["/data/validation_split"].origin == "older spelling"
    assert found["/run/executor"].origin == "flag"
    resolved = canonical(loaded.spec)
    assert all(pointers.get(resolved, origin.pointer) == origin.value for origin in found.values())


def test_a_flag_makes_the_sections_it_needs_and_changes_nothing_given(document):
    before = dict(document)
    result = overridden(document, {"/run/executor": "local", "/epochs": 9})
    assert result["run"] == {"executor": "local"}
    assert result["epochs"] == 9
    assert document == before
