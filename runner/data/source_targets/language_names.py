"""Columns that are called as languages are: ``en``, ``de_DE``, ``eng_Latn``, ``German``."""

from __future__ import annotations

from collections.abc import Iterable

from runner.data.dialogues.column_roles import plain

#: ISO 639-1, and the codes of three letters of languages that parallel texts are often of.
_CODES = (
    "aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo "
    "es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka "
    "kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng "
    "nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su "
    "sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
    "ara ben bul cat ces cze dan deu ger ell gre eng est fas fin fra fre heb hin hrv hun ind ita jpn kor lav lit nld "
    "dut nor pol por ron rum rus slk slv spa srp swe swh tam tel tha tur ukr urd vie zho chi"
)
_NAMES = (
    "arabic bengali bulgarian catalan chinese croatian czech danish dutch english estonian finnish french german greek "
    "hebrew hindi hungarian indonesian italian japanese korean latvian lithuanian norwegian persian polish portuguese "
    "romanian russian serbian slovak slovenian spanish swahili swedish tamil telugu thai turkish ukrainian urdu "
    "vietnamese"
)
CODES, NAMES = frozenset(_CODES.split()), frozenset(_NAMES.split())
#: A code that a column is called by for another reason more often than not.
DOUBTFUL = ("id", "no", "is", "to", "or")


def is_language(name: str) -> bool:
    """Whether a column or key is called as a language is, with or without a country or a script behind it."""
    code, _, more = plain(name).partition("_")
    if more and not (more.isalpha() and 2 <= len(more) <= 4):
        return False
    return code in CODES or (not more and code in NAMES)


def languages(names: Iterable[str]) -> list[str]:
    """Those of the names that are a language's, in their order; doubtful ones only where there is but one other."""
    found = [name for name in names if is_language(name)]
    sure = [name for name in found if plain(name) not in DOUBTFUL]
    return sure if len(sure) != 1 else found
