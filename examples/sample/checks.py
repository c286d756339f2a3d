"""Whether an answer is right: one exact rule a kind, applied alike to every answerer."""

import re
import unicodedata

from .facts import NUMBER_WORDS, WEEKDAYS

# "one" is left out: in an answer it is nearly always a pronoun ("the larger one is 45").
_WORD_VALUE = {word: str(value) for value, word in enumerate(NUMBER_WORDS) if word != "one"}


def plain(text: str) -> str:
    """Lower case, without accents, ligatures spelled out: `Sœur` and `soeur` are one word."""
    text = text.casefold().replace("œ", "oe")
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def numbers(text: str) -> list[str]:
    """The whole numbers in a text, in order: as digits, or as words up to twenty; 1,200 is a single number."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.casefold())
    found = re.findall(r"\d+(?:\.\d+)?|\b(?:" + "|".join(_WORD_VALUE) + r")\b", text)
    return [_WORD_VALUE.get(one, one) for one in found]


def last_number(answer: str, reference: str) -> bool:
    """The last number in the answer is the reference."""
    return numbers(answer)[-1:] == [reference]


def first_number(answer: str, reference: str) -> bool:
    """The first number in the answer is the reference."""
    return numbers(answer)[:1] == [reference]


def all_numbers(answer: str, reference: str) -> bool:
    """The numbers in the answer are the reference's, in its order, and no others."""
    return numbers(answer) == numbers(reference)


def names(answer: str, reference: str) -> bool:
    """One of the reference's alternatives is in the answer as a whole word, whatever its accents and case."""
    return any(re.search(rf"\b{re.escape(plain(one))}\b", plain(answer)) for one in reference.split("/"))


def same(answer: str, reference: str) -> bool:
    """The answer is the reference, apart from case, outer quotes and blanks, and a final full stop."""
    return answer.strip(" \n\t\"'.").casefold() == reference.casefold()


def yes_or_no(answer: str, reference: str) -> bool:
    """The answer says the reference, `yes` or `no`, and not the other."""
    return set(re.findall(r"\b(yes|no)\b", answer.casefold())) == {reference}


def last_weekday(answer: str, reference: str) -> bool:
    """The last day of the week in the answer is the reference."""
    return re.findall("|".join(WEEKDAYS).casefold(), answer.casefold())[-1:] == [reference.casefold()]


CHECKS = {
    "addition": last_number,
    "multiplication": last_number,
    "story": last_number,
    "capital": names,
    "opposite": names,
    "copy": same,
    "reverse": names,
    "count": last_number,
    "sort": all_numbers,
    "larger": first_number,
    "conversion": last_number,
    "parity": yes_or_no,
    "weekday": last_weekday,
    "animal": yes_or_no,
    "translation": names,
}


def passes(kind: str, answer: str, reference: str) -> bool:
    """Whether `answer` passes the kind's check. KeyError for a kind that does not exist."""
    return CHECKS[kind](answer, reference)


def winner(a_passes: bool, b_passes: bool) -> str:
    """The comparison's outcome in the data's own words: the one that passed; both: tie; neither: both_bad."""
    if a_passes == b_passes:
        return "tie" if a_passes else "both_bad"
    return "model_a" if a_passes else "model_b"
