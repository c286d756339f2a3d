"""A file to measure on that has nothing to measure on, or nothing new."""

from __future__ import annotations


def test_validation_data_without_a_row_is_refused(desk):
    rows = "".join(f"{at % 7},{'ab'[at % 2]}\n" for at in range(40))
    (desk.home / "train.csv").write_text("size,y\n" + rows)
    (desk.home / "empty.csv").write_text("size,y\n")
    words = ("data", "check", "train.csv", "--kind", "tabular_classification", "--json", "--columns")
    refused = desk(*words, '{"target": "y", "validation_data": "empty.csv"}')
    assert refused.code == 4
    assert "empty.csv" in str(refused.json)


def test_rows_to_measure_on_that_training_has_too_are_told(desk):
    rows = [f"{at % 97},{at % 89},{'ab'[at % 2]}" for at in range(200)]
    (desk.home / "train.csv").write_text("\n".join(["size,width,y", *rows]) + "\n")
    (desk.home / "other.csv").write_text("\n".join(["width,size,y", "3,1000,a", "88,7,b", f"{5},{5},b"]) + "\n")
    words = ("data", "check", "train.csv", "--kind", "tabular_classification", "--json", "--columns")
    found = desk(*words, '{"target": "y", "validation_data": "other.csv"}')
    said = [warning for warning in found.json["warnings"] if "rows of the training data too" in warning]
    assert len(said) == 1
    assert said[0].startswith("1 of 3 rows of other.csv are")
    same = desk(*words, '{"target": "y", "validation_data": "train.csv"}')
    assert any("200 of 200 rows of train.csv are" in warning for warning in same.json["warnings"])


def test_a_few_held_out_groups_are_told(desk):
    rows = [f"{at % 97},{at % 3},{'ab'[at * 7 % 5 // 3]}" for at in range(200)]
    (desk.home / "train.csv").write_text("\n".join(["size,who,y", *rows]) + "\n")
    words = ("data", "check", "train.csv", "--kind", "tabular_classification", "--json", "--columns")
    found = desk(*words, '{"target": "y", "group_column": "who"}')
    assert any("are of 1 group of 'who'" in warning for warning in found.json["warnings"])


def test_a_name_near_a_packaged_table_is_told(desk):
    refused = desk("data", "check", "wien", "--kind", "tabular_classification", "--json")
    assert refused.code == 5
    assert "did you mean 'wine'?" in str(refused.json)
