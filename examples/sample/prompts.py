"""Prompts with one checkable answer each, drawn from the templates and the tables for a seed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from . import facts, templates

NAMES = ("Tom", "Maria", "Ken", "Aisha", "Lena", "Omar", "Sofia", "Ravi")
THINGS = ("apples", "pencils", "marbles", "stickers", "coins", "cookies", "books", "shells")


@dataclass(frozen=True)
class Prompt:
    """A question, its kind, and the answer that passes (alternatives are separated by a slash)."""

    kind: str
    text: str
    reference: str


def _spelled(number: int, rng: Random) -> str:
    """A small number is sometimes written as a word: a solver that only reads digits should miss it."""
    return facts.NUMBER_WORDS[number] if number <= 20 and rng.random() < 0.4 else str(number)


def _addition(rng: Random) -> tuple[str, str]:
    a, b = rng.randint(3, 20 if rng.random() < 0.5 else 99), rng.randint(3, 20 if rng.random() < 0.5 else 99)
    if rng.random() < 0.5:
        return _filled(rng, templates.SUM, a=_spelled(a, rng), b=_spelled(b, rng)), str(a + b)
    a, b = max(a, b) + 1, min(a, b)
    return _filled(rng, templates.DIFFERENCE, a=_spelled(a, rng), b=_spelled(b, rng)), str(a - b)


def _multiplication(rng: Random) -> tuple[str, str]:
    a, b = rng.randint(2, 12), rng.randint(3, 20)
    return _filled(rng, templates.PRODUCT, a=a, b=b), str(a * b)


def _story(rng: Random) -> tuple[str, str]:
    sign, template = rng.choice(templates.STORY)
    a, b = rng.randint(8, 40), rng.randint(2, 7)
    text = template.format(a=_spelled(a, rng), b=_spelled(b, rng), name=rng.choice(NAMES), things=rng.choice(THINGS))
    return text, str(a + b if sign == "+" else a - b)


def _capital(rng: Random) -> tuple[str, str]:
    country = rng.choice(sorted(facts.CAPITALS))
    return _filled(rng, templates.CAPITAL, x=country), facts.CAPITALS[country]


def _opposite(rng: Random) -> tuple[str, str]:
    word = rng.choice(sorted(facts.OPPOSITES))
    return _filled(rng, templates.OPPOSITE, x=word), facts.OPPOSITES[word]


def _copy(rng: Random) -> tuple[str, str]:
    phrase = " ".join(rng.sample(facts.WORDS, rng.randint(2, 5)))
    return _filled(rng, templates.COPY, x=phrase), phrase


def _reverse(rng: Random) -> tuple[str, str]:
    word = rng.choice(facts.WORDS)
    return _filled(rng, templates.REVERSE, x=word), word[::-1]


def _count(rng: Random) -> tuple[str, str]:
    word = rng.choice(facts.WORDS)
    letter = rng.choice(word)
    return _filled(rng, templates.COUNT, x=word, c=letter), str(word.count(letter))


def _sort(rng: Random) -> tuple[str, str]:
    numbers = rng.sample(range(2, 100), rng.randint(3, 5))
    down = rng.random() < 0.3
    ordered = sorted(numbers, reverse=down)
    if numbers == ordered:
        numbers.reverse()
    chosen = templates.DESCENDING if down else templates.ASCENDING
    return _filled(rng, chosen, x=", ".join(map(str, numbers))), ", ".join(map(str, ordered))


def _larger(rng: Random) -> tuple[str, str]:
    a, b = rng.sample(range(10, 1000), 2)
    return _filled(rng, templates.LARGER, a=a, b=b), str(max(a, b))


def _conversion(rng: Random) -> tuple[str, str]:
    large, small, factor = rng.choice(facts.UNITS)
    n = rng.randint(2, 9)
    return _filled(rng, templates.CONVERSION, n=n, large=large, small=small), str(n * factor)


def _parity(rng: Random) -> tuple[str, str]:
    n, odd = rng.randint(10, 999), rng.random() < 0.5
    return _filled(rng, templates.ODD if odd else templates.EVEN, n=n), "yes" if n % 2 == odd else "no"


def _weekday(rng: Random) -> tuple[str, str]:
    start, n, back = rng.randrange(7), rng.randint(2, 13), rng.random() < 0.35
    chosen = templates.WEEKDAY_BEFORE if back else templates.WEEKDAY_AFTER
    # A whole week leads back to the day in the question, which a mere restatement would then get right.
    n += n % 7 == 0
    day = facts.WEEKDAYS[(start - n if back else start + n) % 7]
    return _filled(rng, chosen, x=facts.WEEKDAYS[start], n=_spelled(n, rng)), day


def _animal(rng: Random) -> tuple[str, str]:
    animal = rng.random() < 0.5
    word = rng.choice(facts.ANIMALS if animal else facts.THINGS)
    article = "an" if word[0] in "aeiou" else "a"
    return _filled(rng, templates.ANIMAL, x=word, ax=f"{article} {word}"), "yes" if animal else "no"


def _translation(rng: Random) -> tuple[str, str]:
    # "table" is spelled alike in French: a restatement would pass.
    word, index = rng.choice(sorted(facts.TRANSLATIONS.keys() - {"table"})), rng.randrange(2)
    text = _filled(rng, templates.TRANSLATION, x=word, language=facts.LANGUAGES[index])
    return text, facts.TRANSLATIONS[word][index]


GENERATORS: dict[str, Callable[[Random], tuple[str, str]]] = {
    "addition": _addition,
    "multiplication": _multiplication,
    "story": _story,
    "capital": _capital,
    "opposite": _opposite,
    "copy": _copy,
    "reverse": _reverse,
    "count": _count,
    "sort": _sort,
    "larger": _larger,
    "conversion": _conversion,
    "parity": _parity,
    "weekday": _weekday,
    "animal": _animal,
    "translation": _translation,
}


def _filled(rng: Random, choices: tuple[str, ...], **values: object) -> str:
    return rng.choice(choices).format(**values)


def _dressed(kind: str, text: str, rng: Random) -> str:
    if rng.random() < 0.3:
        text = rng.choice(templates.OPENINGS) + text
    # A closing would become part of what is to be copied, sorted or completed.
    if text[-1] in ".?" and kind not in {"copy", "sort"} and rng.random() < 0.3:
        text += rng.choice(templates.CLOSINGS)
    return text


def make_prompts(seed: int, asked: int, banked: int) -> tuple[list[Prompt], list[Prompt]]:
    """Two disjoint lists, so many of each kind: `asked` to compare on, `banked` to retrieve from."""
    questions: list[Prompt] = []
    bank: list[Prompt] = []
    for kind, generate in GENERATORS.items():
        rng = Random(f"{seed}:{kind}")
        found: dict[str, Prompt] = {}
        while len(found) < asked + banked:
            text, reference = generate(rng)
            text = _dressed(kind, text, rng)
            found.setdefault(text, Prompt(kind, text, reference))
        prompts = list(found.values())
        questions += prompts[:asked]
        bank += prompts[asked:]
    return questions, bank
