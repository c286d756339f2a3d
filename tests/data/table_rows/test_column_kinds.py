"""What a column is, by looking at all of its cells or as the spec says; nothing is guessed in silence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from runner.data.table_rows.cells import of_columns
from runner.data.table_rows.section import ClassesData, NumbersData
from runner.errors import DataError
from tests.data.table_rows.conftest import load

CLASSES = ["a", "b"] * 15
COUNT = list(range(30))


def kinds(loaded):
    return {column.name: column.kind for column in loaded.train.columns.columns}


def matrix(loaded):
    """Both splits' inputs by feature, in the rows' order of the file where the first feature counts them."""
    whole = np.concatenate([loaded.train.matrix, loaded.validation.matrix])
    whole = whole[np.argsort(whole[:, 0])]
    return dict(zip(loaded.train.columns.features, whole.T, strict=True))


def test_numbers_words_truths_and_dates_are_told_apart(table):
    path = table(
        {
            "n": COUNT,
            "town": ["Graz", "Linz", "Wien"] * 10,
            "open": ["True", "False", "false"] * 10,
            "day": [f"{day:02}.03.2024" for day in range(1, 31)],
            "zip": ["0101", "8010", "1010"] * 10,
            "y": CLASSES,
        }
    )
    loaded = load(path)
    assert kinds(loaded) == {"n": "number", "town": "category", "open": "bool", "day": "date", "zip": "category"}
    found = matrix(loaded)
    assert list(found["day.year"]) == [2024] * 30
    assert list(found["day.month"]) == [3] * 30
    assert list(found["day.day"]) == list(range(1, 31))
    assert list(found["day.weekday"][:3]) == [4, 5, 6]
    assert found["day.days"][0] == 19783
    assert list(found["open"][:3]) == [1, 0, 0]
    assert list(found["town"][:3]) == [0, 1, 2]


def test_an_empty_cell_is_missing_and_a_word_for_it_is_said(table):
    loaded = load(table({"n": [*COUNT[:28], "NA", ""], "y": CLASSES}))
    assert loaded.report.rows_changed == {"missing_word": 1}
    assert loaded.report.named == {"missing_word": [30]}
    assert np.isnan(np.concatenate([loaded.train.matrix, loaded.validation.matrix])).sum() == 2


def test_a_row_that_several_columns_change_is_one_row(table):
    gone = [*COUNT[:26], "NA", *COUNT[26:27], "NA", "NA"]
    loaded = load(table({"n": gone, "m": gone[::-1], "k": gone, "y": CLASSES}))
    assert loaded.report.rows_changed == {"missing_word": 6}
    assert loaded.report.named == {"missing_word": [2, 3, 5, 28, 30, 31]}
    assert len(loaded.report.warnings) == 3
    spaced = load(table({"n": COUNT, "y": ["a", "b ", "a"] * 10, "z": ["c", "d ", " c"] * 10}), ["y", "z"])
    assert spaced.report.rows_changed == {"spaces_around_target": 20}


def test_a_label_that_looks_missing_stays_a_label_and_is_said(table):
    loaded = load(table({"n": COUNT, "y": ["NA", "null"] * 15}))
    assert loaded.train.classes == {"y": ("NA", "null")}
    (said,) = loaded.report.warnings
    assert "'NA' (15), 'null' (15), classes here" in said
    assert "data.missing_values" in said
    assert load(table({"n": COUNT, "y": ["none", "some"] * 15})).report.warnings == []
    named = load(table({"n": COUNT, "y": ["x", "z", "null"] * 10}), missing_values=["null"])
    assert named.report.rows_dropped == {"missing_target": 10}


def test_a_word_among_numbers_is_refused_with_its_line(table):
    with pytest.raises(DataError, match="'oops'") as refused:
        load(table({"n": [*COUNT, *COUNT[:-1], "oops"], "y": CLASSES * 2}))
    assert str(refused.value.where).endswith("table.csv:61")
    assert "missing_values" in str(refused.value.hint)


def test_a_day_that_may_be_a_month_is_asked_for(table):
    path = table({"day": ["01/02/2024", "03/04/2024", "05/06/2024"] * 10, "n": COUNT, "y": CLASSES})
    with pytest.raises(DataError, match="may be either") as refused:
        load(path)
    assert '"date_format": {"day": "%d/%m/%Y"}' in str(refused.value.hint)
    first = load(path, date_format={"day": "%d/%m/%Y"})
    second = load(path, date_format="%m/%d/%Y")
    months = [set(part.train.matrix[:, part.train.columns.features.index("day.month")]) for part in (first, second)]
    assert months == [{2, 4, 6}, {1, 3, 5}]


def test_texts_are_refused_hashed_or_ignored_by_choice(table):
    words = [f"the {word} of row {at}" for at, word in enumerate(["price", "name", "place"] * 50)]
    path = table({"n": COUNT * 5, "note": words, "y": CLASSES * 5})
    with pytest.raises(DataError, match="'note' looks like texts"):
        load(path)
    two = table({"n": COUNT * 5, "note": words, "name": [f"P{at}" for at in range(150)], "y": CLASSES * 5}, "two.csv")
    with pytest.raises(
        DataError, match=r"2 columns look like texts or names: 'note' \('the price.*'name' \('P0'"
    ) as both:
        load(two)
    assert '"ignored_columns": ["note", "name"]' in both.value.hint
    assert kinds(load(path, text="hash", text_features=8)) == {"n": "number", "note": "text"}
    assert len(load(path, text_columns=["note"], text_features=8).train.columns.features) == 9
    ignored = load(path, text="ignore")
    assert kinds(ignored) == {"n": "number"}
    assert "note" in ignored.record["columns_left_out"]
    assert kinds(load(path, categorical_columns=["note"])) == {"n": "number", "note": "category"}


def test_a_decimal_comma_is_asked_for_and_obeyed(table):
    columns = {"n": [f"{number},5" for number in COUNT], "y": [f"{number},25" for number in COUNT]}
    path = table(columns, delimiter=";")
    with pytest.raises(DataError, match="'0,25', which is not a number") as refused:
        load(path, classes=False, delimiter=";")
    assert "data.decimal" in str(refused.value.hint)
    loaded = load(path, classes=False, delimiter=";", decimal=",", validation_split=0)
    assert loaded.train.matrix[:, 0].mean() == 15
    assert loaded.train.targets["y"].mean() == 14.75


def test_columns_that_say_nothing_are_left_out_and_named(table):
    loaded = load(table({"n": COUNT, "same": ["x"] * 30, "none": [""] * 30, "y": CLASSES}))
    assert kinds(loaded) == {"n": "number"}
    assert set(loaded.record["columns_left_out"]) == {"same", "none"}
    assert len(loaded.report.warnings) == 2


def test_a_column_called_id_is_no_input_and_is_said(table):
    path = table({"id": COUNT, "n": [number % 7 for number in COUNT], "y": CLASSES})
    loaded = load(path)
    assert kinds(loaded) == {"n": "number"}
    assert "names the rows" in loaded.report.warnings[0]
    assert kinds(load(path, numerical_columns=["id"])) == {"id": "number", "n": "number"}


def test_an_unknown_column_is_named_with_the_nearest_each_proposed_once(table):
    path = table({"age": COUNT, "label": CLASSES})
    with pytest.raises(DataError, match="no column 'labels', 'lable'") as refused:
        load(path, ["labels", "lable"])
    assert str(refused.value.hint).count("'label' for") == 1


def test_a_column_with_two_meanings_is_refused(table):
    with pytest.raises(ValidationError, match="'n' is in numerical_columns and in ignored_columns"):
        load(table({"n": COUNT, "y": CLASSES}), numerical_columns=["n"], ignored_columns=["n"])


@pytest.mark.parametrize("field", ["target_columns", "ignored_columns"])
def test_a_column_that_is_named_twice_is_refused(field):
    with pytest.raises(ValidationError, match="names column 'n' twice"):
        ClassesData(**{"dataset": "x.csv", field: ["n", "m", "n"]})


def test_parquet_keeps_its_types_and_no_cell_becomes_an_object(tmp_path):
    import datetime

    path = tmp_path / "table.parquet"
    columns = {
        "n": pa.array([None, *range(1, 30)], pa.int32()),
        "on": pa.array([True, False, None] * 10),
        "code": pa.array(["1", "2", "3"] * 10),
        "at": pa.array([datetime.datetime(2024, 1, day, 6) for day in range(1, 31)]),
        "kind": pa.array(["p", "q", "r"] * 10).dictionary_encode(),
        "y": pa.array(CLASSES),
    }
    parquet.write_table(pa.table(columns), path)
    loaded = load(path)
    assert kinds(loaded) == {"n": "number", "on": "bool", "code": "category", "at": "date", "kind": "category"}
    assert set(loaded.train.matrix[:, loaded.train.columns.features.index("at.hour")]) == {6}
    assert loaded.report.named == {}


def test_json_lines_with_numbers_among_words_are_one_category(tmp_path):
    import json

    path = tmp_path / "table.jsonl"
    rows = [{"n": at, "code": [0, "0", "x"][at % 3], "y": "ab"[at % 2]} for at in range(30)]
    rows[4]["more"] = 1
    path.write_text("\n".join(json.dumps(row) for row in rows))
    loaded = load(path)
    (code,) = [column for column in loaded.train.columns.columns if column.name == "code"]
    assert code.categories == ("0", "x")
    (said,) = loaded.report.warnings
    assert "column 'code' has numbers, such as '0', among words, such as 'x'" in said
    assert "data.categorical_columns" in said and "data.numerical_columns" in said
    assert load(path, categorical_columns=["code"]).report.warnings == []


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["12", "abc", "7.5"], "has numbers, such as '12', '7.5', among words, such as 'abc'"),
        (["12", "7.5", None], "has texts that are numbers, such as '12', '7.5'"),
        (["0101", "8010", "12"], ""),
        (["p", "q", "nan"], ""),
    ],
)
def test_numbers_that_parquet_has_as_texts_are_said(tmp_path, cells, said):
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table({"n": COUNT, "code": cells * 10, "y": CLASSES}), path)
    loaded = load(path)
    assert kinds(loaded)["code"] == "category"
    assert [said in warning for warning in loaded.report.warnings] == [True] * bool(said)
    declared = pa.table({"n": COUNT, "code": pa.array(cells * 10).dictionary_encode(), "y": CLASSES})
    parquet.write_table(declared, path)
    assert load(path).report.warnings == []


def test_many_numbers_that_are_texts_are_refused_with_what_they_may_be(tmp_path):
    path = tmp_path / "table.parquet"
    texts = [str(at / 7) for at in range(210)]
    parquet.write_table(pa.table({"n": list(range(210)), "code": texts, "y": CLASSES * 7}), path)
    with pytest.raises(DataError, match="'code' looks like texts") as refused:
        load(path)
    assert '"numerical_columns", as its texts are numbers' in refused.value.hint
    assert kinds(load(path, numerical_columns=["code"]))["code"] == "number"


def test_whole_numbers_that_no_float_holds_stay_apart_as_classes(tmp_path):
    path = tmp_path / "table.parquet"
    big = [9007199254740992, 9007199254740993] * 15
    parquet.write_table(pa.table({"n": COUNT, "y": pa.array(big, pa.int64())}), path)
    assert load(path).train.classes == {"y": ("9007199254740992", "9007199254740993")}


def test_whole_numbers_as_classes_are_in_their_own_order(table):
    loaded = load(table({"n": COUNT, "y": [10, 2, 1] * 10}))
    assert loaded.train.classes == {"y": ("1", "2", "10")}


def test_spaces_around_a_class_are_taken_off_and_said(table):
    loaded = load(table({"n": COUNT, "y": ["a", "b", "a ", "b", "a", "b"] * 5}))
    assert loaded.train.classes == {"y": ("a", "b")}
    assert loaded.report.rows_changed == {"spaces_around_target": 5}
    assert "'a' (5)" in loaded.report.warnings[0]


def test_a_quantity_is_no_class(table):
    with pytest.raises(DataError, match="which are no classes") as refused:
        load(table({"n": COUNT * 2, "y": [number / 7 for number in range(60)]}))
    assert "tabular_regression" in str(refused.value.hint)


@pytest.mark.parametrize(
    "classes",
    [
        [f"c{at}" for at in range(30)],
        [*[f"c{at}" for at in range(16)], *["d", "e"] * 7],
        ["a"] * 29 + ["b"],
    ],
    ids=["all alone", "most rows alone", "one class has more"],
)
def test_classes_of_one_row_that_leave_nothing_to_measure_are_refused(table, classes):
    path = table({"n": COUNT, "m": [at % 7 for at in COUNT], "y": classes})
    with pytest.raises(DataError, match="cannot be both learnt and measured") as refused:
        load(path)
    assert (refused.value.where, "tabular_regression" in refused.value.hint) == ("/data/target_columns", True)
    assert len(load(path, validation_split=0).train) == 30
    assert len(load(path, validation_data=str(path)).validation) == 30


def test_a_class_whose_rows_are_all_equal_is_told_as_not_measured(table):
    rows = [(at, "a" if at % 2 else "b") for at in range(20)] + [(7.5, "c")] * 3
    path = table({"x": [x for x, _ in rows], "y": [y for _, y in rows]})
    said = "all rows of 'c' of the target 'y' are equal: they stay in training and are not measured"
    assert said in load(path).report.warnings


def test_many_classes_of_one_row_are_said_once_with_their_count(table):
    path = table({"n": list(range(72)), "y": [*["a", "b"] * 30, *[f"c{at}" for at in range(12)]]})
    (said,) = load(path).report.warnings
    assert "only one row each of 12 classes ('c0', 'c1'" in said and said.endswith("are not measured")
    several = table({"n": list(range(72)), "y": [*["a", "b"] * 30, *"cdefghijklmn"], "z": ["p", "q", "q"] * 24})
    assert sum("only one row each of 12 classes" in said for said in load(several, ["y", "z"]).report.warnings) == 1


def test_too_many_rows_without_a_target_fail(table):
    path = table({"n": COUNT, "y": ["a", "b", *[""] * 28]})
    with pytest.raises(DataError, match=r"28 of 30 rows cannot be used: missing_target 28 \(4, 5, 6, \.\.\.\)"):
        load(path)
    assert load(path, max_rows_lost=1, validation_split=0).report.rows_kept == 2


def test_the_packaged_tables_are_read_without_a_file():
    loaded = load("iris", "target")
    assert loaded.train.classes == {"target": ("setosa", "versicolor", "virginica")}
    assert len(loaded.train) + len(loaded.validation) == 150
    numbers = load("diabetes", "target", classes=False)
    assert len(numbers.train.columns.columns) == 10


def test_a_sample_has_each_class_its_share(table):
    loaded = load(table({"n": list(range(100)), "y": ["a"] * 90 + ["b"] * 10}), max_samples=20, validation_split=0)
    assert loaded.record["targets"]["y"] == {"a": 18, "b": 2}
    assert loaded.report.rows_dropped == {"not_sampled": 80}


@pytest.mark.parametrize("strays", [1, 3, 4, 20])
def test_words_among_mostly_numbers_are_refused_with_lines_and_ways_out(table, strays):
    path = table({"n": list(range(60)), "m": [*["unk"] * strays, *range(60 - strays)], "y": CLASSES * 2})
    with pytest.raises(DataError, match="column 'm' has numbers, and 'unk' among them in line 2") as refused:
        load(path)
    assert "data.missing_values" in str(refused.value.hint)
    assert "data.categorical_columns" in str(refused.value.hint)
    assert kinds(load(path, missing_values=["unk"])) == {"n": "number", "m": "number"}
    assert kinds(load(path, categorical_columns=["m"])) == {"n": "number", "m": "category"}


@pytest.mark.parametrize(
    ("columns", "fields", "why"),
    [
        ({}, {}, "there is no column but the target"),
        ({"n": COUNT}, {"ignored_columns": ["n"]}, "'n' is in data.ignored_columns"),
        ({"n": [7] * 30}, {}, "'n' is 7 in every row"),
    ],
)
def test_no_column_left_is_said_before_rows_are_divided(table, columns, fields, why):
    with pytest.raises(DataError, match="no column is left to predict from") as refused:
        load(table(columns | {"y": CLASSES}), **fields)
    assert why in str(refused.value.hint)


def test_what_was_dropped_is_told_where_too_little_is_left(table):
    path = table({"n": COUNT, "y": [*["a"] * 20, *[""] * 10]})
    with pytest.raises(DataError, match=r"has 1 class .*of 30 rows these were dropped: missing_target 10"):
        load(path)
    few = table({"n": COUNT, "y": [1.5, *[""] * 29]})
    with pytest.raises(DataError, match=r"1 row cannot be divided .*missing_target 29"):
        load(few, classes=False, max_rows_lost=1)


def test_a_date_format_that_fits_no_cell_is_refused(table):
    path = table({"n": COUNT, "joined": [f"2024-01-{day:02}" for day in range(1, 31)], "y": CLASSES})
    with pytest.raises(DataError, match="date_format fits no cell of 'joined'"):
        load(path, date_format={"joined": "%d/%m/%Y"})
    with pytest.raises(ValidationError, match="unknown directive %Q"):
        load(path, date_format={"joined": "%d/%Q"})


def days(*strays, form="2024-01-{:02}"):
    return [*strays, *[form.format(1 + at % 28) for at in range(60 - len(strays))]]


@pytest.mark.parametrize("fields", [{}, {"date_columns": ["joined"]}, {"categorical_columns": ["other"]}])
def test_one_date_format_for_all_that_does_not_fit_a_column_is_refused(table, fields):
    path = table({"joined": days(), "other": days(form="{:02}/01/2024"), "y": CLASSES * 2})
    with pytest.raises(DataError, match="fits no cell of 'joined'") as refused:
        load(path, date_format="%d/%m/%Y", **fields)
    assert refused.value.where == "/data/date_format"
    assert "'2024-01-01'" in refused.value.message + refused.value.hint
    assert load(path, date_format={"other": "%d/%m/%Y"}).record["columns"] == {"joined": "date", "other": "date"}


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("2024-01-{:02}", {}),
        ("2024-01-{:02}", {"date_columns": ["joined"]}),
        ("2024-01-{:02} 06:00:00", {}),
        ("{:02}.01.2024", {"date_format": "%d.%m.%Y"}),
        ("{:02}.01.2024", {"date_format": {"joined": "%d.%m.%Y"}}),
        ("{:02} Jan 2024", {}),
    ],
)
def test_words_among_dates_are_refused_by_line_and_words_for_missing_are_counted(table, form, fields):
    columns = {"n": list(range(60)), "joined": days("oops", "2024-99-99", form=form), "y": CLASSES * 2}
    with pytest.raises(DataError, match="'oops', '2024-99-99' among them in line 2, 3") as refused:
        load(table(columns), **fields)
    assert "data.missing_values" in refused.value.hint and "data.categorical_columns" in refused.value.hint
    loaded = load(table(columns), **fields, missing_values=["oops", "2024-99-99"])
    assert kinds(loaded)["joined"] == "date"
    gone = load(table(columns | {"joined": days("NA", "unknown", form=form)}), **fields)
    assert kinds(gone)["joined"] == "date"
    assert gone.report.named == {"missing_word": [2, 3]}
    assert "a word for a missing date in line 2, 3" in gone.report.warnings[0]


def test_one_date_format_that_is_no_columns_is_refused(table):
    path = table({"n": COUNT, "town": ["Graz", "Linz", "Wien"] * 10, "y": CLASSES})
    with pytest.raises(DataError, match="date_format '%d/%m/%Y' fits no column") as refused:
        load(path, date_format="%d/%m/%Y")
    assert refused.value.where == "/data/date_format"


def test_dates_columns_of_no_dates_are_refused(table):
    path = table({"n": COUNT, "joined": ["soon", "later", "NA"] * 10, "y": CLASSES})
    with pytest.raises(DataError, match="'joined' has no cell that is a date"):
        load(path, date_columns=["joined"])


def test_the_target_is_no_group(table):
    with pytest.raises(ValidationError, match="column 'y' is in group_column and in target_columns"):
        load(table({"n": COUNT, "y": CLASSES}), group_column="y")


def test_a_refusal_shows_what_was_read_and_dropped(desk):
    path = desk.home / "rows.csv"
    path.write_text("n,y\n" + "".join(f"{at},{'a' if at else ''}\n" for at in range(20)))
    words = ("data", "check", path, "--kind", "tabular_classification", "--columns", '{"target": "y"}', "--json")
    shown = desk(*words).json
    assert (shown["verdict"], shown["rows_read"], shown["rows_dropped"]) == ("refuse", 20, {"missing_target": 1})


def test_another_decimal_mark_than_the_spec_says_is_refused_with_what_to_do(table):
    path = table({"n": [f"{at}.5" for at in COUNT], "m": COUNT, "y": CLASSES})
    with pytest.raises(DataError, match=r"column 'n' has numbers with a decimal point, such as '0.5'") as refused:
        load(path, decimal=",")
    assert "take data.decimal out" in refused.value.hint
    with pytest.raises(DataError, match=r"the target 'n' has '0.5', which is not a number") as refused:
        load(path, "n", classes=False, decimal=",")
    assert "take data.decimal out" in refused.value.hint


@pytest.mark.parametrize("form", ["%Y-%m-%d", {"day": "%Y-%m-%d"}])
def test_a_wrong_date_format_is_told_with_those_that_fit(table, form):
    path = table({"day": [f"{at % 12 + 1:02}/03/2024" for at in COUNT], "n": COUNT, "y": CLASSES})
    with pytest.raises(DataError, match="date_format fits no cell of 'day'") as refused:
        load(path, date_format=form)
    for fits in ("%d/%m/%Y", "%m/%d/%Y"):
        assert f'"date_format": {{"day": "{fits}"}}' in refused.value.hint


def test_a_date_that_never_changes_is_said_as_a_date(table):
    loaded = load(table({"day": ["2024-01-05"] * 30, "n": COUNT, "y": CLASSES}))
    assert "column 'day' is 2024-01-05 in every row of training: it is left out" in loaded.report.warnings


def test_words_that_all_differ_are_told_in_a_small_table_too(table):
    path = table({"name": [f"person {at}" for at in COUNT], "n": COUNT, "y": CLASSES})
    assert kinds(load(path))["name"] == "category"
    assert any("'name' has another word in every row" in said for said in load(path).report.warnings)
    assert not load(path, categorical_columns=["name"]).report.warnings


def test_true_is_no_number_but_where_numbers_are_0_and_1(table):
    columns = load(table({"n": COUNT, "flag": [0, 1] * 15, "y": CLASSES})).train.columns

    def asked(n, flag):
        return of_columns("rows", {"n": [n], "flag": [flag]})

    assert list(columns.encode(asked(3, True))[0][0]) == [3, 1]
    with pytest.raises(DataError, match="column 'n' has True, which is not a number"):
        columns.encode(asked(True, 1))


def test_a_number_too_large_for_a_float32_is_not_called_infinite(table):
    columns = load(table({"n": COUNT, "y": CLASSES})).train.columns
    (said,) = columns.encode(of_columns("rows", {"n": [1e50]}))[1].sentences()
    assert said == "column 'n' has 1 number, infinite or too large for a float32, taken as missing"


def test_what_every_column_was_taken_for_is_a_fact(table):
    loaded = load(table({"n": COUNT, "town": ["Graz", "Linz", "Wien"] * 10, "one": [1] * 30, "y": CLASSES}))
    left = {"one": "is 1 in every row of training"}
    assert loaded.report.facts == {"target": ["y"], "number": ["n"], "category": ["town"], "left_out": left}


@pytest.mark.parametrize("form", ["{}%", "${}", "{} €"])
def test_numbers_with_a_sign_are_said_to_be_categories(table, form):
    columns = {"a": [form.format(at % 4) for at in range(12)], "y": ["p", "q"] * 6}
    loaded = load(table(columns))
    assert any("numbers with a sign" in each and "'a'" in each for each in loaded.report.warnings)
    named = load(table(columns), categorical_columns=["a"])
    assert not any("numbers with a sign" in each for each in named.report.warnings)


def test_words_that_only_begin_like_numbers_are_categories_without_a_word(table):
    loaded = load(table({"a": ["12A", "3B", "7C", "9D"] * 3, "y": ["p", "q"] * 6}))
    assert not any("sign" in each for each in loaded.report.warnings)


def test_a_target_of_one_number_is_nothing_to_learn_and_a_huge_one_is_left_out(table):
    loaded = load(table({"a": range(8), "y": [3.0] * 8}), classes=False)
    with pytest.raises(DataError, match="'y' is 3 in every row"):
        NumbersData(dataset="x", target_columns="y").need_learnable(loaded)
    loaded = load(table({"a": range(8), "y": [*range(7), 1e300]}), classes=False)
    assert loaded.report.rows_dropped == {"infinite_target": 1}
