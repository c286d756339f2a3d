"""Numbers as people read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import runner
from runner.pages.numbers import duration, interval, number, signed_interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345, "12,345"), (0.41234, "0.4123"), (3.14159, "3.142"), (1234.5, "1,234"), (0.0, "0.0000"), (0, "0"),
        (1.23e-7, "1.23e-07"), (float("nan"), "-"), (float("inf"), "-"), (None, "-"), (True, "-"), ("x", "-"),
        (10**400, "-"), (-0.5, "-0.5000"), (-0.0, "0.0000"), (5e9, "5,000,000,000"),
    ],
)  # fmt: skip
def test_numbers(value: object, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"), (9.97, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"),
        (7620, "2 h 07 min"), (273_600, "3 d 04 h"), (None, "-"), (-1, "-"),
    ],
)  # fmt: skip
def test_durations(seconds: object, text: str) -> None:
    assert duration(seconds) == text


def test_what_rounds_to_zero_has_no_sign_of_its_own() -> None:
    assert number(-0.0004, 3) == "0.000"
    assert interval(-0.0004, 0.2) == "0.000 to 0.200"
    assert signed_interval(-0.0004, 0.0004) == "+0.000 to +0.000"


def test_every_signed_figure_is_written_so() -> None:
    signed = re.compile(r":\+[^}\"']*\.[^}\"']*(?:\{\w+\})?f\}")
    files = [file for file in Path(runner.__file__).parent.rglob("*.py") if signed.search(file.read_text("utf-8"))]
    without = [file for file in files if any("z" not in each for each in signed.findall(file.read_text("utf-8")))]
    assert files
    assert not without


def test_an_interval_is_empty_where_an_end_is_unknown() -> None:
    assert interval(0.8511, 0.896) == "0.851 to 0.896"
    assert interval(1204, 3_000_000, 0) == "1,204 to 3,000,000"
    assert interval(None, 0.9) == interval(0.9, float("nan")) == ""


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.41236, 3, "0.412"),
        (1204.5, 2, "1,204.50"),
        (46923.336, 3, "46,923"),
        (-46923.7, 1, "-46,924"),
        (None, 3, "-"),
    ],
)
def test_numbers_of_so_many_decimals(value: object, decimals: int, text: str) -> None:
    assert number(value, decimals) == text
