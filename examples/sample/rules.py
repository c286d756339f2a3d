"""Answerers made of rules. Each handles what it is for, with its own blind spots, and says so when it cannot.

A rule reads the prompt's text alone: it never sees the kind or the reference.
"""

import re
from collections.abc import Callable
from random import Random

from . import facts
from .checks import numbers

CANNOT = "I cannot solve this."
MISSING = "That is not in my dictionary."
_GAINS = re.compile(r"\b(buys|more|found|finds|gets|put in|sum|total|plus)\b|\+")
_LOSSES = re.compile(r"\b(gives|lost|sells|minus|subtract|left|remain|away)\b| - ")


def calculator(prompt: str) -> str:
    """Two numbers in digits with a sign between them: + - * x. It reads no words."""
    found = re.search(r"(\d+) ?([-+*x×]) ?(\d+)", prompt)
    if not found:
        return "I see nothing to calculate."
    a, sign, b = int(found[1]), found[2], int(found[3])
    value = a + b if sign == "+" else a - b if sign == "-" else a * b
    return f"{a} {sign} {b} = {value}"


def word_arithmetic(prompt: str) -> str:
    """Adds or subtracts the two numbers of a sentence by its words; it cannot multiply."""
    found = [int(n) for n in numbers(prompt)]
    text = prompt.casefold()
    if len(found) != 2:
        return CANNOT
    if _LOSSES.search(text):
        return f"The result is {max(found) - min(found)}."
    if _GAINS.search(text):
        return f"The result is {sum(found)}."
    return CANNOT


def string_rules(prompt: str) -> str:
    """Copies, reverses and counts; where nothing is quoted it guesses which word is meant."""
    text = prompt.casefold()
    quoted = [a or b for a, b in re.findall(r"\"([a-z ]+)\"|(?<!\w)'([a-z ]+)'", prompt)]
    if re.search(r"\b(repeat|copy|echo|say|write the words|type this|output)\b", text):
        return quoted[0] if quoted else prompt.rsplit(": ", 1)[-1]
    subject = quoted[0] if quoted else _subject(text)
    if re.search(r"\b(revers\w*|backwards|right to left|last to first)\b", text):
        return subject[::-1]
    letter = re.search(r"\bletters? '?([a-z])\b|['\"]([a-z])['\"]", text)
    if letter and subject:
        letters = next(group for group in letter.groups() if group)
        longest = max([subject, *quoted], key=len)
        return f"There are {longest.count(letters)}."
    return CANNOT


def _subject(text: str) -> str:
    found = re.search(r"\b(?:word|spell|is|in|of) ([a-z]{4,})", text)
    return found[1] if found else ""


def number_rules(prompt: str) -> str:
    """Compares, sorts and tests numbers written in digits; it always sorts upwards."""
    found = [int(n) for n in re.findall(r"\d+", prompt)]
    text = prompt.casefold()
    if len(found) >= 3:
        return ", ".join(map(str, sorted(found)))
    if found and re.search(r"\b(even|odd)\b", text):
        return "Yes." if (found[0] % 2 == 1) == ("odd" in text) else "No."
    if len(found) == 2 and re.search(r"\b(larger|greater|bigger|higher|maximum)\b", text):
        return str(max(found))
    return CANNOT


def converter(prompt: str) -> str:
    """Metric units, time and weekdays; it knows no feet, pounds or gallons, and counts days forward only."""
    text = prompt.casefold()
    amounts = [int(n) for n in numbers(prompt)]
    day = re.search("|".join(facts.WEEKDAYS), prompt)
    if day and len(amounts) == 1:
        return facts.WEEKDAYS[(facts.WEEKDAYS.index(day[0]) + amounts[0]) % 7]
    for large, small, factor in facts.UNITS[:10]:
        if amounts and re.search(rf"\d {large}\b", text) and re.search(rf"\b{small}\b", text):
            return f"{amounts[-1]} {large} = {amounts[-1] * factor} {small}"
    return "I do not know these units."


def dictionary(seed: int, share: float = 0.8) -> Callable[[str], str]:
    """An answerer that looks words up in `share` of the tables' entries, drawn for the seed."""
    rng = Random(f"{seed}:dictionary")

    def held(words: list[str]) -> set[str]:
        return set(rng.sample(words, round(share * len(words))))

    countries, opposites = held(sorted(facts.CAPITALS)), held(sorted(facts.OPPOSITES))
    translated, animals = held(sorted(facts.TRANSLATIONS)), held(sorted(facts.ANIMALS))
    things = held(sorted(facts.THINGS))

    def answer(prompt: str) -> str:
        words = re.findall(r"\w+", prompt)
        country = next((word for word in words if word in countries), None)
        if country:
            return f"The capital of {country} is {facts.CAPITALS[country]}."
        language = next((name for name in facts.LANGUAGES if name in words), None)
        # The looked-up word usually stands last.
        words = [word.casefold() for word in reversed(words)]
        if language:
            word = next((word for word in words if word in translated), None)
            return facts.TRANSLATIONS[word][facts.LANGUAGES.index(language)] if word else MISSING
        if re.search(r"opposite|antonym|contrary", prompt):
            word = next((word for word in words if word in opposites), None)
            return facts.OPPOSITES[word].split("/")[0] if word else MISSING
        if "animal" in prompt:
            if any(word in animals for word in words):
                return "Yes."
            return "No." if any(word in things for word in words) else MISSING
        return MISSING

    return answer


def quoter(prompt: str) -> str:
    """The weak baseline: it gives back what the prompt quotes, or else what follows its colon."""
    quoted = re.search(r"['\"]([^'\"]+)['\"]", prompt)
    if quoted:
        return quoted[1]
    return prompt.rsplit(": ", 1)[1] if ": " in prompt else "Nothing is quoted here."


def rule_answerers(seed: int) -> dict[str, Callable[[str], str]]:
    """Every answerer made of rules, by name."""
    return {
        "calculator": calculator,
        "word-arithmetic": word_arithmetic,
        "string-rules": string_rules,
        "number-rules": number_rules,
        "converter": converter,
        "dictionary": dictionary(seed),
        "quoter": quoter,
    }
