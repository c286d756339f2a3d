"""Data is looked at before anybody is asked: what it is, how much, and which kinds could be trained on it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.errors import DataError, EnvironmentProblem, NotFoundError
from runner.execution.data_trial import read_data
from runner.spec.checking import load_object
from runner.wizard import sampled_rows
from runner.wizard.catalog import field_of, models_for
from runner.wizard.proposals import Looked, Proposed, look
from runner.workspace import Workspace
from tests.conftest import SHARED_DATA

WORDS = "The quick brown fox jumps over the lazy dog while a small bird sings of rain and sun".split()  # noqa: SIM905


def text(number: int, words: int = 8) -> str:
    return " ".join(WORDS[(number * 7 + at * 3) % len(WORDS)] for at in range(words)) + f" {number}"


def jsonl(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def csv(path: Path, header: str, rows: list[str], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *rows]
    path.write_text("\n".join(line.replace(",", delimiter) for line in lines) + "\n")
    return path


def picture(path: Path, shade: int) -> str:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 24), (shade, 255 - shade, 40)).save(path)
    return path.name


def chats(folder: Path) -> str:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    return jsonl(folder / "d.jsonl", [{"messages": turns, "id": n} for n in range(12)]).name


def processed(folder: Path) -> str:
    """Questions and whole dialogues in one file, as ``runner data process`` writes them."""
    turns = [{"role": role, "content": text(n)} for n, role in enumerate(("user", "assistant") * 2)]
    rows = [{"system": "", "user": text(n), "assistant": text(n + 1)} for n in range(12)]
    return jsonl(folder / "processed" / "data.jsonl", [*rows, {"messages": turns}]).parent.name


def alpaca(folder: Path) -> str:
    rows = [{"instruction": text(n), "input": "", "output": text(n + 1)} for n in range(12)]
    return jsonl(folder / "d.jsonl", rows).name


def preferences(folder: Path) -> str:
    rows = [{"prompt": text(n), "chosen": text(n + 1), "rejected": text(n + 2)} for n in range(12)]
    return jsonl(folder / "d.jsonl", rows).name


def wanted(folder: Path) -> str:
    rows = [{"prompt": text(n), "completion": text(n + 1), "label": n % 2 == 0} for n in range(12)]
    return jsonl(folder / "d.jsonl", rows).name


def checked(folder: Path) -> str:
    return jsonl(folder / "d.jsonl", [{"prompt": text(n), "ground_truth": str(n)} for n in range(12)]).name


def plain(folder: Path) -> str:
    return jsonl(folder / "d.jsonl", [{"text": text(n, 30)} for n in range(12)]).name


def classes(folder: Path) -> str:
    return csv(folder / "d.csv", "text,label", [f"{text(n)},{'spam' if n % 3 else 'ham'}" for n in range(30)]).name


def odd_classes(folder: Path) -> str:
    return csv(folder / "d.csv", "words,kind_of", [f"{text(n)},{'spam' if n % 3 else 'ham'}" for n in range(30)]).name


def numbers(folder: Path) -> str:
    return csv(folder / "d.csv", "review,score", [f"{text(n)},{n / 7:.3f}" for n in range(30)]).name


def tags(folder: Path) -> str:
    row = {"tokens": ["Ann", "lives", "in", "Rome"], "tags": ["B-PER", "O", "O", "B-LOC"]}
    return jsonl(folder / "d.jsonl", [row | {"tokens": ["Ann", "lives", "in", f"Rome{n}"]} for n in range(12)]).name


def questions(folder: Path) -> str:
    rows = [
        {
            "context": f"Town {n} lies at river number {n}.", "question": "Where does it lie?",
            "answers": {"text": [f"river number {n}"], "answer_start": [f"Town {n} lies at ".__len__()]},
        }
        for n in range(12)
    ]  # fmt: skip
    return jsonl(folder / "d.jsonl", rows).name


def translations(folder: Path) -> str:
    return jsonl(folder / "d.jsonl", [{"en": text(n), "de": text(n + 1)} for n in range(12)]).name


def summaries(folder: Path) -> str:
    return jsonl(folder / "d.jsonl", [{"article": text(n, 40), "summary": text(n)} for n in range(12)]).name


def scored_pairs(folder: Path) -> str:
    rows = [f"{text(n)},{text(n + 1)},{n % 6}" for n in range(30)]
    return csv(folder / "d.csv", "sentence1,sentence2,score", rows).name


def entailments(folder: Path) -> str:
    rows = [f"{text(n)},{text(n + 1)},{'yes' if n % 2 else 'no'}" for n in range(30)]
    return csv(folder / "d.csv", "premise,hypothesis,label", rows).name


def table(folder: Path) -> str:
    rows = [f"{n},{n % 5},{n * 1.5},{'blue' if n % 2 else 'green'},{'a' if n % 3 else 'b'}" for n in range(40)]
    return csv(folder / "d.csv", "age,rooms,size,colour,target", rows).name


def price_table(folder: Path) -> str:
    rows = [f"{n % 9},{n % 5},{'blue' if n % 2 else 'green'},{n * 3.5}" for n in range(40)]
    return csv(folder / "d.csv", "age,rooms,colour,price", rows).name


def votes(folder: Path) -> str:
    names = ["one", "two", "three"]
    rows = [f"{names[n % 3]},{names[(n + 1) % 3]},{'model_a' if n % 2 else 'model_b'}" for n in range(30)]
    return csv(folder / "d.csv", "model_a,model_b,winner", rows).name


def comparisons(folder: Path) -> str:
    names = ["one", "two", "three"]
    rows = [
        {
            "prompt": text(n), "model_a": names[n % 3], "model_b": names[(n + 1) % 3], "winner": "model_a",
            "response_a": text(n + 1), "response_b": text(n + 2),
        }
        for n in range(30)
    ]  # fmt: skip
    return jsonl(folder / "d.jsonl", rows).name


def pictures(folder: Path) -> str:
    for n in range(6):
        picture(folder / "photos" / ("cat" if n % 2 else "dog") / f"{n}.png", n * 20)
    return "photos"


def measured_pictures(folder: Path) -> str:
    rows = [{"image": picture(folder / "p" / f"{n}.png", n), "target": n * 1.5} for n in range(30)]
    jsonl(folder / "p" / "metadata.jsonl", rows)
    return "p"


def captions(folder: Path) -> str:
    rows = [{"image": picture(folder / "p" / f"{n}.png", n), "caption": text(n)} for n in range(6)]
    return str(jsonl(folder / "p" / "index.jsonl", rows).relative_to(folder))


def boxes(folder: Path) -> str:
    rows = [
        {"image": picture(folder / "p" / f"{n}.png", n), "objects": [{"label": "cell", "bbox": [2, 2, 12, 14]}]}
        for n in range(6)
    ]
    jsonl(folder / "p" / "index.jsonl", rows)
    return "p"


MADE: list[tuple[Callable[[Path], str], str]] = [
    (chats, "sft"), (processed, "sft"), (alpaca, "sft"), (preferences, "dpo"), (wanted, "kto"), (checked, "grpo"),
    (plain, "causal_lm"),
    (classes, "text_classification"), (odd_classes, "text_classification"), (numbers, "text_regression"),
    (tags, "token_classification"), (questions, "extractive_qa"), (translations, "seq2seq"), (summaries, "seq2seq"),
    (scored_pairs, "sentence_embedding"), (entailments, "cross_encoder"), (table, "tabular_classification"),
    (price_table, "tabular_regression"), (votes, "bradley_terry_scoring"), (comparisons, "linear_scoring"),
    (pictures, "image_classification"), (measured_pictures, "image_regression"), (captions, "vision_language"),
    (boxes, "object_detection"),
]  # fmt: skip


@pytest.fixture
def libraries() -> None:
    """The Hub's libraries, which read the environment once, and keep it for the tests after this one."""
    import datasets  # noqa: F401
    import huggingface_hub.constants  # noqa: F401


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def spec_of(proposed: Proposed, workspace: Workspace) -> dict[str, Any]:
    """The spec of a proposal, with the first model that is offered for its kind, and nothing else."""
    document: dict[str, Any] = {
        "model": {"name": "mine", "spec": {"model_type": proposed.kind}}, "data": dict(proposed.data)
    }  # fmt: skip
    if (pointer := field_of(proposed.kind)) is not None:
        document["model"]["spec"][pointer.rpartition("/")[2]] = models_for(proposed.kind, workspace)[0].name
    for pointer, value in proposed.fields.items():
        document["model"]["spec"][pointer.rpartition("/")[2]] = value
    spec = registry.load(proposed.kind).Spec
    if spec.uses_epochs:
        document["epochs"] = 1
    if spec.uses_batch_size:
        document["batch_size"] = 4
    return document


def needs_more(proposed: Proposed) -> bool:
    """Whether a kind asks for what no data tells: a reward, a teacher."""
    return proposed.kind in ("grpo", "ppo", "online_dpo", "distillation")


@pytest.mark.parametrize(("made", "kind"), MADE, ids=[made.__name__ for made, _ in MADE])
def test_the_likeliest_kind_is_proposed_first_with_a_spec_that_reads_the_data(
    folder: Path, made: Callable[[Path], str], kind: str
):
    """Upstream's defaults made no runnable spec of tables, questions, pairs and pictures, and compared no column."""
    path = made(folder)
    looked = look(path, folder)
    first = looked.families[0]
    assert first.kind == kind, [(each.kind, each.reasons) for each in looked.families]
    assert first.family == registry.kinds()[kind].family
    assert first.reasons
    for proposed in looked.families[:4]:
        beside = {name: value for name, value in proposed.data.items() if name not in ("dataset", "columns")}
        read = read_data(proposed.data["dataset"], proposed.kind, proposed.data.get("columns"), beside)
        assert read.error is None, (proposed.kind, read.error)
        if not needs_more(proposed):
            load_object(spec_of(proposed, Workspace.below(folder)))


def of(looked: Looked, kind: str) -> Proposed:
    return next(each for each in looked.families if each.kind == kind)


def test_columns_are_told_with_kinds_values_and_lengths(folder: Path):
    rows = [
        f"{n},{n / 4},{'yes' if n % 2 else 'no'},{text(n)},2024-01-{n % 28 + 1:02},{'' if n % 5 else 'x'}"
        for n in range(60)
    ]
    looked = look(csv(folder / "d.csv", "count,share,answer,words,day,gaps", rows).name, folder)
    kinds = {column.name: column.kind for column in looked.columns}
    assert kinds == {
        "count": "whole number", "share": "number", "answer": "words", "words": "texts", "day": "date", "gaps": "words",
    }  # fmt: skip
    answer = next(column for column in looked.columns if column.name == "answer")
    assert (answer.distinct, answer.values, answer.sentence()) == (
        2,
        ("no", "yes"),
        "answer: words, 2 different: no, yes",
    )
    gaps = next(column for column in looked.columns if column.name == "gaps")
    assert gaps.missing == 48
    assert looked.lines()[0] == "d.csv: csv, 60 rows"


def test_reasons_are_sentences(folder: Path):
    looked = look(classes(folder), folder)
    assert "column label has 2 values in 30 rows: classes" in looked.families[0].reasons
    assert looked.families[0].columns == {"text_columns": "text", "target_columns": "label"}
    assert "the rows are plain texts without turns" in looked.refused["sft"]


#: Real data that lies beside the checkout where this is developed, and what each is; it is not shipped.
REAL = {
    "chat_oasst.jsonl": "sft",
    "instruct_gpteacher_code.jsonl": "sft",
    "instruct_self_instruct_seeds.jsonl": "sft",
    "toolcall_bfcl.jsonl": "sft",
    "preference_oasst_ranked.jsonl": "dpo",
    "rl_humaneval.jsonl": "grpo",
    "classify_banking77.csv": "text_classification",
    "ner_wnut17.jsonl": "token_classification",
    "qa_xquad_en.parquet": "extractive_qa",
    "seq2seq_e2e_nlg.jsonl": "seq2seq",
    "summarization_scitldr.jsonl": "seq2seq",
    "translation_ntrex_en_de.jsonl": "seq2seq",
    "sts_benchmark_open.csv": "sentence_embedding",
    "nli_med.csv": "cross_encoder",
    "tabular_penguins.csv": "tabular_classification",
    "router_mtbench_votes.csv": "bradley_terry_scoring",
    "router_routellm_correct.csv": "linear_scoring",
    "pandalm_human_comparisons.jsonl": "linear_scoring",
    "classify_flowers": "image_classification",
    "detect_bccd": "object_detection",
    "vlm_nlvr": "vision_language",
}


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize("name", REAL)
def test_real_data_is_known_for_what_it_is(name: str):
    looked = look(name, SHARED_DATA)
    assert looked.families[0].kind == REAL[name], [(each.kind, each.reasons) for each in looked.families]


@pytest.mark.parametrize("name", ["data/train.jsonl", "data", "data/", "./data/train.jsonl"])
def test_a_file_in_a_folder_is_read_whichever_way_it_is_named(folder: Path, name: str):
    """Upstream took ``data/train.jsonl``, which its own manual shows, for a folder."""
    rows = [{"prompt": text(n), "completion": text(n + 1)} for n in range(12)]
    jsonl(folder / "data" / "train.jsonl", rows)
    looked = look(name, folder)
    assert (looked.rows, looked.exact, looked.families[0].kind) == (12, True, "sft")


def test_the_files_of_a_folder_are_its_sides(folder: Path):
    for name, count in (("train", 12), ("valid", 4), ("test", 6)):
        jsonl(folder / "data" / f"{name}.jsonl", [{"prompt": text(n), "completion": text(n)} for n in range(count)])
    looked = look("data", folder)
    first = looked.families[0]
    assert looked.rows == 12, "rows of the other sides are not trained on"
    assert (first.data["dataset"], first.data["validation_data"]) == ("data/train.jsonl", "data/valid.jsonl")
    assert "data/test.jsonl is not trained on: keep it to compare with, at the end" in first.reasons
    read = read_data(first.data["dataset"], "sft", None, {"validation_data": first.data["validation_data"]})
    assert (read.report.rows_kept, read.error) == (12, None)


def test_shards_and_folders_are_sides_too(folder: Path):
    for side in ("train", "test"):
        for shard in range(2):
            name = f"{side}-0000{shard}-of-00002.jsonl"
            jsonl(folder / "shards" / name, [{"text": text(n, 20)} for n in range(shard, 10, 2)])
        jsonl(folder / "folders" / side / "a.jsonl", [{"text": text(n, 20)} for n in range(8)])
    assert look("shards", folder).families[0].data["dataset"] == "shards/train-*.jsonl"
    assert look("shards", folder).rows == 10
    assert look("folders", folder).families[0].data["dataset"] == "folders/train"


def test_a_column_that_says_which_side_a_row_is_on_is_used(folder: Path):
    sides = ["train"] * 8 + ["dev"] * 2 + ["test"] * 2
    rows = [f"{text(n)},{'ham' if n % 2 else 'spam'},{sides[n % 12]}" for n in range(48)]
    first = look(csv(folder / "d.csv", "text,label,split", rows).name, folder).families[0]
    assert first.data["split_column"] == "split"
    assert "column split says which rows are held out" in first.reasons
    tested = [row.replace(",dev", ",train") for row in rows]
    first = look(csv(folder / "e.csv", "text,label,split", tested).name, folder).families[0]
    assert "split_column" not in first.data
    assert any("rows of test are trained on as well" in reason for reason in first.reasons)


def test_other_delimiters_and_packed_files_are_read(folder: Path):
    rows = [f"{text(n)},{'ham' if n % 2 else 'spam'}" for n in range(20)]
    looked = look(csv(folder / "d.csv", "text,label", rows, ";").name, folder)
    assert looked.families[0].data["delimiter"] == ";"
    assert "its columns are divided by ';'" in looked.notes
    load_object(spec_of(looked.families[0], Workspace.below(folder)))
    with gzip.open(folder / "d.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"prompt": text(n), "completion": "x"}) + "\n" for n in range(9))
    assert look("d.jsonl.gz", folder).rows == 9


def test_parquet_is_counted_without_being_read(folder: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"text": text(n), "label": "late" if n > 4500 else "early"} for n in range(5000)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "d.parquet")
    looked = look("d.parquet", folder)
    assert (looked.rows, looked.exact, looked.families[0].kind) == (5000, True, "text_classification")
    assert any(reason.startswith("told by ") for reason in looked.families[0].reasons)


def test_a_large_text_s_rows_are_an_estimate_that_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sampled_rows, "WHOLE", 10_000)
    monkeypatch.setattr(sampled_rows, "READ", 500)
    jsonl(folder / "d.jsonl", [{"prompt": text(n), "completion": text(n)} for n in range(9000)])
    looked = look("d.jsonl", folder)
    assert not looked.exact
    assert looked.rows is not None
    assert abs(looked.rows - 9000) < 900
    assert looked.count == f"about {looked.rows:,} rows, by the files' size"


def test_targets_that_only_a_person_can_tell_are_to_be_chosen(folder: Path):
    rows = [f"{'a' if n % 2 else 'b'},{'x' if n % 3 else 'y'},{n % 7},{n * 1.5}" for n in range(40)]
    looked = look(csv(folder / "d.csv", "north,south,east,west", rows).name, folder)
    first = of(looked, "tabular_classification")
    assert first.choose["target_columns"] == ["north", "south", "east"]
    assert "which is predicted, only you know" in first.reasons[0]


def test_boxes_that_can_be_read_in_two_ways_are_to_be_chosen(folder: Path):
    first = look(boxes(folder), folder).families[0]
    assert first.kind == "object_detection"
    assert {"xyxy", "xywh"} <= set(first.choose["box_format"])
    assert first.data["box_format"] in first.choose["box_format"]


def test_names_of_packaged_data_are_known(folder: Path):
    iris = look("iris", folder)
    assert (iris.families[0].kind, iris.rows, iris.families[0].data["dataset"]) == (
        "tabular_classification",
        150,
        "iris",
    )
    sample = {each.kind for each in look("sample", folder).families}
    assert {"sft", "text_classification", "elo_scoring", "vision_language"} <= sample
    assert {each.family for each in look("lmarena_human_preference", folder).families} == {"routing"}


@pytest.mark.parametrize("name", ["stanfordnlp/imdb", "hub:stanfordnlp/imdb"])
def test_a_name_of_the_hub_that_cannot_be_fetched_is_told(libraries: None, folder: Path, name: str):
    with pytest.raises(EnvironmentProblem, match="stanfordnlp/imdb is not in the local cache"):
        look(name, folder)


def test_a_data_set_in_the_hub_s_cache_is_read(libraries: None, folder: Path):
    snapshot = folder / "hub" / "datasets--org--set" / "snapshots" / "1"
    csv(snapshot / "train.csv", "text,label", [f"{text(n)},{'ham' if n % 2 else 'spam'}" for n in range(20)])
    csv(snapshot / "test.csv", "text,label", [f"{text(n)},ham" for n in range(5)])
    (folder / "hub" / "datasets--org--set" / "refs").mkdir()
    (folder / "hub" / "datasets--org--set" / "refs" / "main").write_text("1")
    looked = look("org/set", folder)
    assert looked.families[0].data["dataset"] == "hub:org/set"
    assert (looked.rows, looked.families[0].kind) == (20, "text_classification")
    assert "org/set is no file here: it is read as the Hub's data set, hub:org/set" in looked.notes


def test_many_pictures_are_told_by_their_folders(folder: Path, monkeypatch: pytest.MonkeyPatch):
    from runner.wizard import proposals

    monkeypatch.setattr(proposals, "MOST_PICTURES", 4)
    looked = look(pictures(folder), folder)
    assert (looked.rows, looked.families[0].kind) == (6, "image_classification")
    assert looked.families[0].reasons == [
        "the folders are 2 classes of 6 pictures",
        "their names were read, and no picture opened",
    ]


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("none.csv", None, NotFoundError, "no such data file"),
        ("empty.csv", b"", DataError, "the file is empty"),
        ("blank.jsonl", b"\n\n", DataError, "no row in it"),
        ("half.jsonl", b'{"prompt": "a", "completion": "b"}\n{\n', DataError, "half.jsonl:2: not JSON"),
        ("header.csv", b"a,b\n", DataError, "no row in it"),
        ("notes.docx", b"x", DataError, "docx"),
        ("data.zip.bz2", b"x", DataError, "bz2"),
        ("twice.csv", b"a,a\n1,2\n", DataError, "twice"),
        ("odd.csv", b"a,b\n\xff\xfe,1\n", DataError, "UTF-8"),
        ("broken.parquet", b"PAR1 nothing", DataError, "parquet"),
        ("https://example.com/x.csv", None, DataError, "is a URL"),
        ("no-*.csv", None, NotFoundError, "no file matches"),
        ("a\x00b.csv", None, DataError, "names nothing"),
    ],
)
def test_what_cannot_be_looked_at_is_an_error_that_says_why(
    folder: Path, name: str, content: bytes | None, error: type[Exception], said: str
):
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(error) as caught:
        look(name, folder)
    assert said.lower() in f"{caught.value} {getattr(caught.value, 'hint', '')}".lower()


def test_rows_of_nothing_that_is_known_are_told_with_why(folder: Path):
    looked = look(jsonl(folder / "d.jsonl", [{"x": [n]} for n in range(5)]).name, folder)
    assert looked.families == []
    assert {"sft", "text_classification", "tabular_classification"} <= looked.refused.keys()
