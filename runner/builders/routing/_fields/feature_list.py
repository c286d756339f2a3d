"""The prompt features that there are, by name: what each says of a prompt. They are computed in ``_prompts``.

Two sets: one mostly of whether a prompt has something, and one mostly of how much of it a prompt has. Light: checking a
spec loads it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column: a number to be standardised, or 0 and 1.

    A ``sparse`` number is 0 for most prompts: its mean and deviation are those of the other values.
    """

    name: str
    group: str
    numeric: bool
    description: str
    sparse: bool = False


def group(title: str, *features: tuple[str, bool, str]) -> tuple[Feature, ...]:
    """Some columns of one group: name, whether it is numeric, description."""
    return tuple(Feature(name, title, numeric, description) for name, numeric, description in features)


FEATURES: tuple[Feature, ...] = (
    *group(
        "task type",
        ("task_coding", False, "asks for code, or shows some"),
        ("task_math", False, "asks for a calculation or a proof, or shows a formula"),
        ("task_creative_writing", False, "asks for a story, a poem, a joke ..."),
        ("task_question", False, "opens with a question word, or ends with a question mark"),
        ("task_explanation", False, "asks why or how something is, or what it means"),
        ("task_summarization", False, "asks for a summary"),
        ("task_translation", False, "asks for a translation"),
        ("task_editing", False, "asks to rewrite, correct or improve a text"),
        ("task_analysis", False, "asks to compare, judge, classify or extract"),
        ("task_planning", False, "asks for a plan, ideas or advice"),
    ),
    *group(
        "complexity",
        ("log_characters", True, "log(1 + characters)"),
        ("log_words", True, "log(1 + words)"),
        ("log_sentences", True, "log(1 + ends of sentences and lines)"),
        ("word_length", True, "characters a word, at most 20"),
        ("log_sentence_length", True, "log(1 + words a sentence)"),
        ("distinct_words", True, "share of the words that are not repetitions"),
        ("requirements", True, "log(1 + distinct words that set a condition)"),
        ("reasoning", True, "log(1 + distinct words of an argument)"),
    ),
    *group(
        "domain",
        ("domain_software", False, "software and computing"),
        ("domain_mathematics", False, "mathematics"),
        ("domain_science", False, "natural science"),
        ("domain_medicine", False, "medicine and health"),
        ("domain_law", False, "law"),
        ("domain_business", False, "business, finance and careers"),
        ("domain_history", False, "history"),
        ("domain_arts", False, "art, music and literature"),
        ("domain_entertainment", False, "games, sport, film"),
        ("domain_education", False, "schools and studying"),
        ("domain_daily_life", False, "food, home, family, travel"),
        ("domain_society", False, "philosophy, religion, psychology, politics"),
    ),
    *group(
        "style",
        ("style_polite", False, "says please, thanks, would you"),
        ("style_informal", False, "chat words and slang"),
        ("style_imperative", False, "opens with an order"),
        ("style_personal", False, "speaks of oneself"),
        ("uppercase_share", True, "share of capitals among A-Z letters"),
        ("emphasis", True, "log(1 + exclamation and question marks)"),
    ),
    *group(
        "conversation context",
        ("log_earlier_turns", True, "log(1 + turns before this one)"),
        ("log_history_characters", True, "log(1 + characters of those turns)"),
        ("history_overlap", True, "share of the prompt's distinct words that those turns have"),
        ("context_refers_back", False, "refers to what was said before"),
    ),
    *group(
        "output format",
        ("format_list", False, "asks for a list"),
        ("format_table", False, "asks for a table"),
        ("format_structured", False, "asks for JSON, XML, markdown ..."),
        ("format_length", False, "says how long the answer should be"),
        ("format_steps", False, "asks for steps"),
    ),
)


def _sparse(title: str, *features: tuple[str, str]) -> tuple[Feature, ...]:
    return tuple(Feature(name, title, True, description, sparse=True) for name, description in features)


#: A domain by its feature, and what its words are about.
DOMAINS = {
    "Science score": "natural science",
    "Medicine domain score": "medicine and health",
    "Law score": "law",
    "Finance score": "money, markets, taxes",
    "Tech score": "software and computing",
    "Academic score": "schools, studying, research",
    "Casual score": "chat and slang",
    "Formal score": "formal and official language",
    "Philosophical score": "philosophy, ethics, religion",
    "Historical score": "history",
    "Personal score": "oneself, family, feelings",
    "Business score": "companies, work, selling",
}
DENSITIES: tuple[Feature, ...] = (
    *group(
        "complexity",
        ("Character count", True, "characters"),
        ("Word count", True, "words"),
        ("Sentence count", True, "sentences: ends of sentences and lines, 1 at least"),
        ("ITT ratio", True, "1 - distinct words / words: how much is repeated"),
        ("Average word length", True, "letters and digits a word"),
    ),
    *_sparse(
        "complexity",
        ("Question density", "question marks a character"),
        ("Nesting depth", "opening brackets a character"),
        ("Multi-part request density", "list items, and words such as also, then, secondly, a word"),
    ),
    *_sparse(
        "domain",
        *((name, f"distinct words and phrases of {about}, a word of the prompt") for name, about in DOMAINS.items()),
    ),
    *_sparse(
        "style",
        ("Informal marker density", "distinct chat words and slang, a word"),
        ("Specificity density", "distinct words that set a condition, and numbers, a word"),
        ("Politeness density", "distinct words such as please, thanks, kindly, a word"),
        ("Urgency density", "distinct words such as urgent, asap, immediately, a word"),
    ),
    *group(
        "style",
        ("Starts with verb", False, "opens with an order"),
        ("Is question", False, "opens with a question word, or ends with a question mark"),
    ),
    *_sparse(
        "conversation context",
        ("Conversation turn count", "turns before this one"),
        ("Total context length", "characters of those turns"),
    ),
    *group("conversation context", ("Is follow-up", False, "there are turns before this one")),
    *group(
        "task type",
        ("Has code request", False, "asks for code"),
        ("Has code block", False, "has code between ``` or `, or lines of code"),
        ("Has math", False, "asks for a calculation or a proof, or shows a formula"),
        ("Has numbers", False, "has a digit"),
        ("Has math symbols", False, "has one of the signs of mathematics"),
        ("Has creative writing", False, "asks for a story, a poem, a joke ..."),
        ("Has factual query", False, "asks who, what, when, where, which, how many"),
        ("Has instruction following", False, "says what must, should or must not be in the answer"),
        ("Has roleplay", False, "gives a role: act as, pretend, you are a"),
        ("Has analysis", False, "asks to compare, judge, classify or extract"),
    ),
    *group(
        "output format",
        ("Expects list", False, "asks for a list"),
        ("Expects table", False, "asks for a table"),
        ("Expects JSON", False, "asks for JSON"),
        ("Expects code", False, "asks for a function, a script, a query, a program"),
        ("Expects long response", False, "asks for an essay, a detailed or a long answer"),
    ),
)
