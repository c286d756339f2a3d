"""Rows of a table as ``runner data show`` prints them."""

from __future__ import annotations

import json


def test_rows_are_shown_with_their_words_and_a_missing_cell_as_nothing(desk):
    rows = [{"town": town, "size": size, "y": y} for town, size, y in [("Graz", 39.1, "a"), ("Linz", None, "b")] * 12]
    path = desk.home / "rows.jsonl"
    path.write_text("".join(json.dumps(row | {"n": at}) + "\n" for at, row in enumerate(rows)))
    words = ("data", "show", path, "--kind", "tabular_classification", "--columns", '{"target": "y"}', "--rows", "30")
    shown = desk(*words, "--json").ok().json
    at = {name: number for number, name in enumerate(shown["columns"])}
    seen = {(row[at["town"]], row[at["size"]], row[at["y"]]) for row in shown["rows"]}
    assert seen == {("Graz", 39.1, "a"), ("Linz", None, "b")}
