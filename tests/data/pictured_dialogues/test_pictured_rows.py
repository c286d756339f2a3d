"""Rows of pictures in every form that they are written in, what is left out, and which are held out together."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from pydantic import ValidationError

from runner.contract import LoadContext, LoadedData
from runner.data.images import infer_rows
from runner.data.pictured_dialogues import asked_pictures
from runner.data.pictured_dialogues.pictured_row import shown
from runner.data.pictured_dialogues.section import PicturedDialoguesData
from runner.errors import DataError
from runner.spec.kinds import spec_class


def picture(value: int = 0, size: tuple[int, int] = (8, 6), **words: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, value, 30)).save(file, words.pop("form", "PNG"), **words)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for at in range(6):
        (tmp_path / f"{at}.png").write_bytes(picture(20 * at))
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[..., LoadedData]:
    """``load([row, ...], **fields)``: the rows as training gets them, none held out unless a field says so."""

    def loaded(rows: Any, **fields: Any) -> LoadedData:
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        document = {"dataset": str(path), "validation_split": 0, "max_rows_lost": 1} | fields
        section = PicturedDialoguesData.model_validate(document)
        section.check(folder)
        kind = spec_class("vision_language")
        return section.load(LoadContext(kind.model_construct(), folder / "cache", lambda *_, **__: None))

    return loaded


def test_a_large_group_of_rows_is_told_with_how_to_write_it(folder, monkeypatch):
    monkeypatch.setattr("runner.data.images.table_pictures.LARGE_GROUP", 5_000)
    rows = [{"image": picture(at), "question": f"What is {at}?", "answer": "Red."} for at in range(240)]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet", row_group_size=240)
    section = PicturedDialoguesData.model_validate({"dataset": str(folder / "rows.parquet")})
    kind = spec_class("vision_language").model_construct()
    report = section.load(LoadContext(kind, folder / "cache", lambda *_, **__: None)).report
    (told,) = [each for each in report.warnings if "row_group_size=100" in each]
    assert told.startswith("rows.parquet has 240 rows of")
    assert report.facts["large_row_groups"] == 1


@pytest.mark.parametrize("reader", [asked_pictures, infer_rows])
def test_a_large_group_of_asked_rows_is_told_too(reader, folder, monkeypatch):
    monkeypatch.setattr("runner.data.images.table_pictures.LARGE_GROUP", 5_000)
    rows = [{"image": picture(at), "question": f"What is {at}?"} for at in range(240)]
    for name, group in (("one.parquet", 240), ("many.parquet", 100)):
        parquet.write_table(pa.Table.from_pylist(rows), folder / name, row_group_size=group)
    asked = reader.from_file(folder / "one.parquet")
    (told,) = asked.notes
    assert told.startswith("one.parquet has 240 rows of") and "row_group_size=100" in told
    with (folder / "one.parquet").open("rb") as piped:
        (told,) = reader.from_pipe(piped).notes
    assert told.startswith("it has 240 rows of")
    assert not reader.from_file(folder / "many.parquet").notes


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def turns(row: Any) -> list[tuple[str, str]]:
    return [(turn.role, shown(turn.content)) for turn in row.conversation.messages]


IMAGE, TEXT = {"type": "image"}, {"type": "text", "text": "What?"}
URL = "data:image/png;base64," + base64.b64encode(picture(0)).decode()
ASKED = [("user", "<image>\nWhat?"), ("assistant", "Red.")]


@pytest.mark.parametrize(
    "row",
    [
        {"image": "0.png", "question": "What?", "answer": "Red."},
        {"image": "0.png", "prompt": "<image>What?", "text": "Red."},
        {"file_name": "0.png", "prompt": "What?", "completion": "Red."},
        {"images": ["0.png"], "messages": [user("<image>\nWhat?"), said("Red.")]},
        {"images": ["0.png"], "messages": [user("What?"), said("Red.")]},
        {
            "image": "0.png",
            "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "Red."}],
        },
        {"image": "0.png", "messages": [user([IMAGE, TEXT]), said([{"type": "text", "text": "Red."}])]},
        {"messages": [user([IMAGE | {"image": "0.png"}, TEXT]), said("Red.")]},
        {"messages": [user([{"type": "image_url", "image_url": {"url": URL}}, TEXT]), said("Red.")]},
        {"image": "0.png", "messages": json.dumps([user("<image>What?"), said("Red.")])},
    ],
)
def test_every_form_says_the_same(load, row):
    (found,) = load([row]).train
    assert turns(found) == ASKED
    assert [each.decoded().getpixel((0, 0)) for each in found.pictures] == [(200, 0, 30)]
    assert found.answers == ("Red.",)


def test_a_caption_answers_what_the_section_asks(load):
    (found,) = load([{"image": "0.png", "caption": "A wall."}], caption_prompt="Say what you see.").train
    assert turns(found) == [("user", "<image>\nSay what you see."), ("assistant", "A wall.")]


def test_columns_may_be_called_otherwise(load):
    row = {"photo": "0.png", "ask": "What?", "reply": "Red.", "question": "no", "answer": "no"}
    (found,) = load([row], columns={"image": "photo", "prompt": "ask", "completion": "reply"}).train
    assert turns(found) == ASKED


def test_of_several_answers_the_most_frequent_is_learned_and_all_are_right(load):
    rows = [
        {"image": "0.png", "question": "What?", "answers": ["Blue.", "Red.", "Red."]},
        {"image": "1.png", "question": "What?", "answer": "Red.", "answers": [{"answer": "Pink."}, {"answer": "Red."}]},
    ]
    first, second = load(rows).train
    assert turns(first) == turns(second) == ASKED
    assert (first.answers, second.answers) == (("Red.", "Blue."), ("Red.", "Pink."))


def test_pictures_of_several_turns_keep_their_places(load):
    row = {
        "images": ["0.png", "1.png", "2.png"],
        "messages": [user("<image> or <image>?"), said("One."), user("And <image>?"), said("Two.")],
    }
    (found,) = load([row]).train
    assert [text for _, text in turns(found)] == ["<image>\nor <image>?", "One.", "And <image>?", "Two."]
    assert [each.name for each in found.pictures] == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"images": ["0.png", "1.png"]}, "picture_count"),
        ({"images": []}, "picture_count"),
        ({"images": ["gone.png"]}, "missing_picture"),
        ({"images": ["cut.png"]}, "unreadable"),
        ({"images": ["large.png"]}, "too_large"),
        ({"images": ["https://example.org/a.png"]}, "url"),
        ({"messages": [user("Draw."), said("<image>")]}, "picture_in_answer"),
        ({"messages": [user("<image>")]}, "no_answer"),
        ({"messages": [user([{"type": "audio"}, IMAGE])]}, "unsupported_part"),
        ({"messages": [user("Hm."), said("A."), user("<image>")]}, "picture_after_answer"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_by_its_reason(load, folder, monkeypatch, change, reason):
    monkeypatch.setattr("runner.data.images.pictures.MOST_PIXELS", 1000)
    (folder / "cut.png").write_bytes(picture()[:50])
    (folder / "large.png").write_bytes(picture(size=(60, 60)))
    row = {"images": ["0.png"], "messages": [user("<image>What?"), said("Red.")]}
    loaded = load([row, row | change])
    assert len(loaded.train) == 1
    assert loaded.report.rows_dropped == {reason: 1}
    assert loaded.report.named[reason] == [2]


@pytest.mark.parametrize("row", [{"question": "What?", "answer": "See <image>."}, {"caption": "An <image>."}])
def test_an_answer_that_spells_a_picture_is_left_out(load, row):
    loaded = load([{"image": "0.png"} | row, {"image": "1.png", "question": "What?", "answer": "Red."}])
    assert loaded.report.rows_dropped == {"picture_in_answer": 1}


def test_a_caption_s_prompt_has_no_mark_of_its_own():
    with pytest.raises(ValidationError, match="write it without <image>"):
        PicturedDialoguesData.model_validate({"dataset": "rows.jsonl", "caption_prompt": "<image> Describe it."})


def test_a_picture_is_turned_as_its_exif_says(load, folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    (folder / "turned.jpg").write_bytes(picture(size=(40, 20), form="JPEG", exif=exif))
    (found,) = load([{"image": "turned.jpg", "caption": "x"}]).train
    assert found.pictures[0].decoded().size == (20, 40)


def test_the_rows_of_a_picture_stay_on_one_side(load, folder):
    # The same bytes by another name; and a row of two pictures holds the rows of both together.
    shutil.copyfile(folder / "0.png", folder / "again.png")
    rows = [
        {"image": name, "question": f"Q{at}?", "answer": "a"}
        for at in range(5)
        for name in ("0.png", "1.png", "2.png", "3.png", "again.png")
    ]
    rows.append({"images": ["1.png", "2.png"], "messages": [user("<image><image>?"), said("b")]})
    for seed in range(4):
        loaded = load(rows, validation_split=0.3, seed=seed)
        train, held = (
            {each.key for row in side for each in row.pictures} for side in (loaded.train, loaded.validation)
        )
        assert held and not train & held


def test_a_row_without_a_picture_is_learned_as_text_and_counted(load):
    loaded = load([{"images": [], "messages": [user("Hi."), said("Yes.")]}])
    assert loaded.train[0].pictures == ()
    assert loaded.report.facts["rows_without_picture"] == 1


def test_a_row_is_asked_with_its_question_or_without(folder):
    path = folder / "asked.jsonl"
    path.write_text(
        '{"id": "q", "image": "0.png", "question": "What?", "answer": "not read"}\n{"image": "1.png"}\n'
        '{"image": "0.png", "question": "What?"}\n{"image": "5.png", "question": "What?"}\n'
    )
    rows = asked_pictures.from_file(path, caption_prompt="Say.")
    rows.check()
    first, second, third, fourth = next(iter(rows.chunks(9)))
    assert first.id == "q"
    assert [(turn.role, shown(turn.content)) for turn in first.conversation.messages] == ASKED[:1]
    assert second.conversation is None and second.caption_prompt == "Say."
    assert first.key() == third.key()
    assert first.key() != fourth.key()


@pytest.mark.parametrize("named", ["shards", "shards/*.parquet"])
def test_shards_of_a_table_are_asked_with_their_questions(folder, named):
    (folder / "shards").mkdir()
    for at in range(2):
        row = {"image": picture(at), "question": f"What is {at}?"}
        parquet.write_table(pa.Table.from_pylist([row]), folder / "shards" / f"{at}.parquet")
    rows = asked_pictures.from_file(folder / named)
    rows.check()
    asked = next(iter(rows.chunks(9)))
    said = [shown(row.conversation.messages[0].content) for row in asked]
    assert "What is 0?" in said[0] and "What is 1?" in said[1]


def test_pictures_alone_are_asked_without_a_question(folder):
    rows = asked_pictures.from_file(folder)
    rows.check()
    assert [(row.id, row.conversation) for row in next(iter(rows.chunks(9)))] == [
        (f"{at}.png", None) for at in range(6)
    ]


def test_what_is_asked_of_a_broken_picture_names_it(folder):
    (folder / "cut.png").write_bytes(picture()[:50])
    path = folder / "asked.jsonl"
    path.write_text('{"image": "0.png", "question": "What?"}\n{"image": "cut.png", "question": "What?"}\n')
    rows = asked_pictures.from_file(path)
    with pytest.raises(DataError) as raised:
        rows.check()
    assert "cut.png" in str(raised.value.where)


def test_a_row_whose_last_turn_is_an_answer_is_not_asked(folder):
    path = folder / "asked.jsonl"
    turn = said("Hm.")
    path.write_text(json.dumps({"messages": [user("Hi."), turn]}) + "\n")
    with pytest.raises(DataError, match="nothing to answer"):
        asked_pictures.from_file(path)
