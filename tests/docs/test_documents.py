"""What the documents say is what the code says: specs, tables, links, names."""

from __future__ import annotations

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner import registry
from runner.cli.app import GROUPS, VERBS
from runner.data.comparisons.catalog import NAMES
from runner.errors import ExitCode
from runner.spec.checking import load
from runner.spec.document_sort import is_task
from runner.spec.evaluation_checking import load_task
from runner.spec.json_schemas import schema_for, union
from runner.spec.kinds import document_class
from runner.training.made_models import can_make
from tests.conftest import Desk
from tests.docs.documents import DOCUMENTS, ROOT, Block, blocks, every, files, table, verbs

#: Long together, and none of them alone.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SPECS = [block for block in every("json") if "model" in json.loads(block.text)]
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("block", SPECS, ids=lambda block: block.id)
def test_every_spec_validates_by_the_code_and_by_the_published_schema(block: Block):
    loaded = load(block.text.encode(), source=block.id)
    assert loaded.kind is not None
    assert loaded.warnings == []
    document = json.loads(block.text)
    jsonschema.Draft202012Validator(schema_for(loaded.kind)).validate(document)
    jsonschema.Draft202012Validator(union()).validate(document)


def test_every_task_that_is_shown_validates():
    tasks = [block for block in every("json") if is_task(block.text)]
    assert tasks
    for block in tasks:
        load_task(block.text, block.id)


def test_the_readme_shows_specs_at_all_and_the_quickstart_word_for_word():
    shown = [block.text for block in SPECS if block.document == README.name]
    assert len(shown) >= 4
    assert (ROOT / "specs" / "quickstart.json").read_text() in shown


def test_the_spec_that_is_shown_to_be_invalid_is():
    text = files(README)["first.json"]
    with pytest.raises(Exception, match="fault"):
        load(text.encode(), source="first.json")


def test_the_table_of_exit_codes_is_the_enum():
    shown = [(int(code), name) for code, name, _ in table(README, "Code")]
    assert shown == [(code.value, code.name) for code in ExitCode]


def test_the_table_of_types_is_what_the_command_prints(desk: Desk):
    listed = desk("models", "--types", "--json").ok().json["types"]
    built_in = [row for row in listed if registry.kinds()[row["model_type"]].module.startswith("runner.builders.")]
    shown = [(name.strip("`"), what) for name, what in table(README, "Type")]
    assert shown == [(row["model_type"], row["summary"]) for row in built_in]


def test_the_table_of_verbs_is_the_command_line_s():
    grouped = [f"{group} {verb}" for group, (_, inside) in GROUPS.items() for verb in inside]
    shown = [verb for verb, _, _ in verbs()]
    assert sorted(shown) == sorted([*(set(VERBS) - {"worker"}), *grouped])
    for verb, _, example in verbs():
        assert f"runner {verb}" in example


def test_the_verbs_without_json_are_those_that_the_readme_names():
    paths = {verb: path for verb, (path, _) in VERBS.items() if verb != "worker"}
    for group, (_, inside) in GROUPS.items():
        paths |= {f"{group} {verb}": path for verb, (path, _) in inside.items()}

    def takes_json(path: str) -> bool:
        module, _, name = path.partition(":")
        return "json" in inspect.signature(getattr(import_module(module), name)).parameters

    without = sorted(verb for verb, path in paths.items() if not takes_json(path))
    sentence = re.search(r"Every verb but (.+) takes `--json`", README.read_text())
    assert sentence
    assert re.findall(r"`([^`]+)`", sentence[1]) == sorted(without, reverse=True)


def test_the_table_of_data_sets_is_the_catalogue():
    shown = [name.strip("`") for name, _ in table(README, "`data.dataset`")]
    assert sorted(shown) == sorted([*NAMES, "a path"])


def test_what_a_resumed_run_may_change_is_what_the_fields_say():
    document = document_class("dense_network")
    sections = {"": document, "model.": document.model_fields["model"].annotation}
    allowed = {
        prefix + name
        for prefix, section in sections.items()
        for name, field in section.model_fields.items()  # type: ignore[union-attr]
        if field.json_schema_extra["x-resume"] != "refuse" and name not in ("schema_uri", "jar_base_path")  # type: ignore[index, call-overload]
    }
    sentence = re.search(r"differ, in these fields: (.+?), and in", README.read_text(), re.S)
    assert sentence
    assert set(re.findall(r"`([^`]+)`", sentence[1])) == allowed


def test_what_a_resumed_run_may_change_of_its_model_is_what_the_fields_say():
    def free(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(free, schema))
        if not isinstance(schema, dict):
            return set()
        fields = schema.get("properties", {})
        own = {name for name, field in fields.items() if isinstance(field, dict) and field.get("x-resume") == "free"}
        return own.union(*map(free, schema.values()))

    allowed = set().union(*(free(registry.load(kind).Spec.model_json_schema()) for kind in registry.kinds()))
    sentence = re.search(r"about memory and reports alone \((.+?)\)", README.read_text(), re.S)
    assert sentence
    assert set(re.findall(r"`([^`]+)`", sentence[1])) == allowed


def test_every_environment_variable_of_ours_is_one_that_the_code_reads():
    code = "".join(path.read_text() for path in (ROOT / "runner").rglob("*.py"))
    named = {name for path in DOCUMENTS for name in re.findall(r"\bRUNNER_[A-Z_]+\b", path.read_text())}
    assert named
    assert {name for name in named if f'"{name}"' not in code} == set()


def test_the_layers_are_those_that_are_enforced():
    listed = (ROOT / "pyproject.toml").read_text().partition("layers = [")[2].partition("]")[0]
    enforced = [name for name in re.findall(r'"runner\.(\w+)"', listed) if name != "__main__"]
    (shown,) = [block.text for block in blocks(CONTRIBUTING) if " > " in block.text and block.language == "text"]
    layers = shown.strip().split(" > ")
    assert layers == enforced


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path):
    text = path.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        assert "://" not in target, f"{target}: a link that nobody can check"
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_named_in_the_text_is_there(path: Path):
    """Whatever is in backticks and begins with a folder of the checkout, unless it is a packaged model's name."""
    folders = "runner|specs|schemas|docker|tests|benchmarks|examples|builders|execution"
    for name in re.findall(rf"`((?:{folders})/[\w./*-]+)`", path.read_text(encoding="utf-8")):
        there = (ROOT / name).exists() or (ROOT / "runner" / name).exists()
        assert "KIND" in name or "TYPE" in name or there or can_make(name), name


def test_the_version_in_the_documents_is_the_package_s():
    from runner import __version__

    assert f"## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert set(re.findall(r"runner:(\d+\.\d+\.\d+)-", README.read_text())) == {__version__}
