"""The table of costs that a user writes."""

from __future__ import annotations

from runner.inference.routing.costs import Costs


def test_a_byte_order_mark_is_no_part_of_it(tmp_path):
    path = tmp_path / "costs.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"a": 0.5}')
    assert Costs.read(path).prices["a"].call == 0.5
