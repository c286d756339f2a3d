"""Other people's words, as they are shown."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from runner.pages.harmless_text import clean

CONTROL = set(map(chr, range(32))) - {"\n"} | {"\x7f"}


@given(text=st.text())
def test_clean_text_is_one_harmless_line(text: str) -> None:
    assert not CONTROL & set(clean(text))
    assert "\n" not in clean(text)
    assert clean(clean(text)) == clean(text)


@given(text=st.text(alphabet=string.ascii_letters + "äöü日本 ./-é👍"))
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text
