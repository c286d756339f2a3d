"""A file to measure on that has nothing to measure on."""

from __future__ import annotations


def test_validation_data_without_a_row_is_refused(desk):
    rows = "".join(f"{at % 7},{'ab'[at % 2]}\n" for at in range(40))
    (desk.home / "train.csv").write_text("size,y\n" + rows)
    (desk.home / "empty.csv").write_text("size,y\n")
    words = ("data", "check", "train.csv", "--kind", "tabular_classification", "--json", "--columns")
    refused = desk(*words, '{"target": "y", "validation_data": "empty.csv"}')
    assert refused.code == 4
    assert "empty.csv" in str(refused.json["errors"])
