"""A step into a folder: once, as a whole or not at all, and never over what no step made."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from runner.errors import ConflictError, DataError, EnvironmentProblem, NotFoundError, SpecError, UsageError
from runner.pipeline.steps import STEPS, row_files, step
from runner.pipeline.steps.cleaning import made_below
from runner.pipeline.steps.preparing import prepare
from runner.store import prepared_data
from tests.pipeline.steps.made import asked, lines, read


@pytest.fixture
def raw(workspace):
    return lines(Path("raw.jsonl"), asked(12))


def test_the_same_again_is_done_already(workspace, raw):
    first = prepare("process", raw, {}, Path("out"), workspace)
    when = Path("out/data.jsonl").stat().st_mtime_ns, Path("out/_step.json").stat().st_mtime_ns
    again = prepare("process", raw, {}, Path("out"), workspace)
    assert (first.outcome.already, again.outcome.already) == (False, True)
    assert again.outcome.report.as_dict() == first.outcome.report.as_dict() and again.outcome.key == first.outcome.key
    assert when == (Path("out/data.jsonl").stat().st_mtime_ns, Path("out/_step.json").stat().st_mtime_ns)
    forced = prepare("process", raw, {}, Path("out"), workspace, force=True)
    assert not forced.outcome.already and Path("out/_step.json").stat().st_mtime_ns != when[1]


@pytest.mark.parametrize("change", ["options", "input"])
def test_something_else_is_not_replaced_unless_it_is_said(workspace, raw, change):
    prepare("process", raw, {}, Path("out"), workspace)
    options = {"max_characters": 3} if change == "options" else {}
    if change == "input":
        lines(raw, asked(3))
    with pytest.raises(ConflictError, match="what process made") as error:
        prepare("process", raw, options, Path("out"), workspace)
    assert "--force" in error.value.hint and len(read(Path("out/data.jsonl"))) == 12
    made = prepare("process", raw, options, Path("out"), workspace, force=True)
    assert made.outcome.report.rows_written == (12 if change == "options" else 3)
    assert sorted(path.name for path in Path().iterdir()) == ["out", "raw.jsonl"]


def test_what_no_step_made_is_never_replaced(workspace, raw):
    (Path("mine")).mkdir()
    Path("mine/notes.txt").write_text("mine")
    for out in ("mine", "raw.jsonl"):
        with pytest.raises(ConflictError, match=r"(no step made|is there)"):
            prepare("process", raw, {}, Path(out), workspace, force=True)
    assert Path("mine/notes.txt").read_text() == "mine" and len(read(raw)) == 12


def test_a_step_does_not_replace_what_it_reads(workspace, raw):
    prepare("process", raw, {}, Path("out"), workspace)
    with pytest.raises(ConflictError, match="replace what it reads"):
        prepare("style", Path("out"), {"style": "New."}, Path("out"), workspace, force=True)
    assert len(read(Path("out/data.jsonl"))) == 12


def test_a_full_disk_leaves_nothing(workspace, raw, monkeypatch):
    prepare("process", raw, {}, Path("kept"), workspace)
    written: list[int] = []
    real = row_files.json.dumps

    def full(row, **words):
        written.append(1)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(row, **words)

    with monkeypatch.context() as patched:
        patched.setattr(row_files.json, "dumps", full)
        for out, force in (("new", False), ("kept", True)):
            written.clear()
            with pytest.raises(EnvironmentProblem, match="disk is full"):
                prepare("process", raw, {"max_characters": 9}, Path(out), workspace, force=force)
    assert sorted(path.name for path in Path().iterdir()) == ["kept", "raw.jsonl"]
    assert len(read(Path("kept/data.jsonl"))) == 12


def test_a_changed_output_is_not_read_as_if_it_were_whole(workspace, raw):
    prepare("process", raw, {}, Path("one"), workspace)
    with Path("one/data.jsonl").open("a") as file:
        file.write(json.dumps({"user": "q", "assistant": "a"}) + "\n")
    with pytest.raises(DataError, match="changed afterwards"):
        prepare("style", Path("one"), {"style": "New."}, Path("two"), workspace)
    with pytest.raises(ConflictError, match="changed afterwards"):
        prepare("process", raw, {}, Path("one"), workspace)


def test_the_account_goes_back_to_the_raw_file(workspace, raw):
    prepare("process", raw, {}, Path("one"), workspace)
    prepare("style", Path("one"), {"style": "New."}, Path("two"), workspace)
    prepare("split", Path("two"), {}, Path("three"), workspace)
    steps = prepared_data.in_folder(Path("three")).steps
    assert [each["step"] for each in steps] == ["process", "style", "split"]
    for before, after, folder in zip(steps, steps[1:], ("one", "two"), strict=False):
        made = prepared_data.in_folder(Path(folder)).account
        assert made["key"] == before["key"]
        assert after["inputs"]["data"][0]["sha256"] == made["files"]["data.jsonl"]["sha256"]
    assert steps[0]["inputs"]["data"][0]["path"] == "raw.jsonl"


@pytest.mark.parametrize(
    ("name", "path", "options", "kind", "said"),
    [
        ("proces", "raw.jsonl", {}, UsageError, "no step"),
        ("process", "none.jsonl", {}, NotFoundError, "no such data file"),
        ("process", "dataset/none", {}, NotFoundError, "no stored data set"),
        ("process", "https://example.org/a.jsonl", {}, DataError, "URL"),
        ("process", "raw.jsonl", {"max_character": 3}, SpecError, "1 fault"),
        ("process", "raw.jsonl", {"max_characters": 0}, SpecError, "greater"),
        ("process", "raw.jsonl", {"columns": {"usr": "a"}}, SpecError, "usr"),
        ("style", "raw.jsonl", {}, SpecError, "required"),
        ("split", "raw.jsonl", {"ratios": {"train": 2.0, "test": -1.0}}, SpecError, "2 faults"),
        ("split", "raw.jsonl", {"seed": "x"}, SpecError, "integer"),
        ("dedupe", "raw.jsonl", {"near": 1.5}, SpecError, "less than 1"),
        ("render", "raw.jsonl", {"format": "chatnl"}, SpecError, "chatml"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_left(workspace, raw, name, path, options, kind, said):
    with pytest.raises(kind, match=said):
        prepare(name, path, options, Path("out"), workspace)
    assert [each.name for each in Path().iterdir()] == ["raw.jsonl"]


def test_every_step_has_options_that_describe_themselves():
    for name, each in STEPS.items():
        assert each is step(name) and callable(each.run) and each.summary.endswith(".")
        assert all(field.description for field in each.options.model_fields.values()), name


def test_the_parts_of_a_folder_are_found_by_their_names(workspace):
    for name in ("train", "val", "test"):
        lines(Path("mine") / f"{name}.jsonl", [{"user": name, "assistant": "a"}])
    made = prepare("style", Path("mine"), {"style": "New."}, Path("out"), workspace)
    assert list(made.outcome.report.parts) == ["train", "validation", "test"]
    lines(Path("mine/validation.jsonl"), asked(1))
    with pytest.raises(DataError, match="two files are validation"):
        prepare("style", Path("mine"), {"style": "New."}, Path("other"), workspace)


def test_what_steps_made_can_be_found_and_what_others_did_is_kept(workspace, raw):
    prepare("process", raw, {}, Path("data/one"), workspace)
    prepare("style", Path("data/one"), {"style": "New."}, Path("data/two"), workspace)
    prepare("style", Path("data/one"), {"style": "New."}, None, workspace, store_as="kept")
    Path("data/two/notes.txt").write_text("mine")
    Path("data/.gone.999999999.abc.step").mkdir()
    found = {each.path.name: each for each in made_below(workspace)}
    assert found.keys() == {"one", "two", ".gone.999999999.abc.step"}
    assert found["one"].why is None and "notes.txt" in found["two"].why and found[".gone.999999999.abc.step"].left
