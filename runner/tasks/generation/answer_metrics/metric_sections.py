"""How answers are scored, as a task file says it: one section a metric, told apart by ``metric``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runner.contract import Section, invalid, option
from runner.contract.code_trial import CodeTrial
from runner.store.references import Reference

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Which = Literal["first", "last"]
#: Tokens of a judgement in words, at most, where nothing is said.
JUDGEMENT = 256


class ExactMatch(Section):
    """The answer is a reference, letter by letter, but for blanks at its ends."""

    metric: Literal["exact_match"] = option(description="The answer is a reference but for blanks at its ends.")


class NormalisedMatch(Section):
    """The answer is a reference but for case, punctuation, blanks and the articles a, an, the (as SQuAD has it)."""

    metric: Literal["normalised_match"] = option(
        description="The answer is a reference but for case, punctuation, blanks and the articles a, an, the."
    )


class ExtractedMatch(Section):
    """What a regular expression finds in the answer is a reference."""

    metric: Literal["extracted_match"] = option(description="What a pattern finds in the answer is a reference.")
    pattern: Pattern = option(
        description="A regular expression, as Python's re reads it. What counts is its first group, or all of it."
    )
    which: Which = option("last", description="Of several finds, which one counts.")
    compare: Literal["exact", "normalised", "numeric"] = option(
        "exact", description="How the find is compared with the reference: as the metrics of these names do."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise invalid(("pattern",), "pattern", f"is no regular expression: {error}") from None
        return self


class NumericMatch(Section):
    """A number of the answer is the last number of a reference."""

    metric: Literal["numeric_match"] = option(description="A number of the answer is the reference's last number.")
    which: Which = option("last", description="Which of the answer's numbers counts.")
    absolute: float = option(0.0, ge=0, description="By so much the two may differ.")
    relative: float = option(1e-6, ge=0, lt=1, description="By such a share of the greater the two may differ.")


class Contains(Section):
    """A reference stands somewhere in the answer."""

    metric: Literal["contains"] = option(description="A reference stands somewhere in the answer.")
    ignore_case: bool = option(True, description="Whether A is a.")


class TokenF1(Section):
    """The harmonic mean of precision and recall of words, normalised as SQuAD does."""

    metric: Literal["f1"] = option(description="F1 of the words that answer and reference share, as SQuAD has it.")


class Anls(Section):
    """How near the answer is to a reference, letter by letter: ANLS (Biten et al., 2019)."""

    metric: Literal["anls"] = option(
        description="1 less the edits between answer and reference, by letters of the longer; whatever its case."
    )
    threshold: float = option(
        0.5, ge=0, le=1, description="An answer whose likeness is less than this counts 0: it is another one."
    )


class Bleu(Section):
    """BLEU over the set (Papineni et al., 2002), by sacrebleu, from 0 to 100."""

    metric: Literal["bleu"] = option(description="BLEU over all answers together, by sacrebleu, 0 to 100.")
    tokenize: Literal["13a", "intl", "char", "none"] = option("13a", description="sacrebleu's tokenizer.")
    lowercase: bool = option(False, description="Whether case is ignored.")


class ChrF(Section):
    """chrF over the set (Popović, 2015), by sacrebleu, from 0 to 100."""

    metric: Literal["chrf"] = option(description="chrF over all answers together, by sacrebleu, 0 to 100.")
    word_order: int = option(0, ge=0, le=2, description="Word n-grams that count too: 0 is chrF, 2 chrF++.")
    lowercase: bool = option(False, description="Whether case is ignored.")


class Rouge(Section):
    """ROUGE's F of each answer, by rouge-score, which knows letters a to z and digits."""

    metric: Literal["rouge"] = option(description="ROUGE's F, the mean over answers, by rouge-score, 0 to 1.")
    type: Literal["rouge1", "rouge2", "rougeL"] = option(
        "rougeL", description="Words, pairs of words, or the longest common sequence."
    )
    stem: bool = option(False, description="Whether words are compared by their stems.")


class Meteor(Section):
    """METEOR of each answer (Banerjee and Lavie, 2005), by nltk with WordNet."""

    metric: Literal["meteor"] = option(
        description="METEOR, the mean over answers, by nltk; refused where nltk has no WordNet on this machine."
    )


class Reward(Section):
    """What a stored reward model gives the answer."""

    metric: Literal["reward"] = option(description="The score that a stored reward model gives to prompt and answer.")
    model: Reference = option(description="A stored reward model, TYPE/NAME or TYPE/NAME/vN.")


class Preferred(Section):
    """How often a stored language model prefers the answer to the reference, asked twice with the places swapped."""

    metric: Literal["preferred"] = option(
        description="How often a judge prefers the answer to the reference, asked twice with their places swapped."
    )
    model: Reference = option(description="A stored language model: the judge.")
    verdict: Literal["likelihood", "words"] = option(
        "likelihood",
        description="How its verdict is read: by how likely it finds the letter of either answer as its next token, "
        "which any model tells; or by the words that it says, of a model that converses and ends as it is asked to.",
    )
    max_new_tokens: int | None = option(
        None, ge=1, le=100_000, description=f"Tokens of a judgement in words, at most; null: {JUDGEMENT}."
    )

    @model_validator(mode="after")
    def _words_alone_have_tokens(self) -> Self:
        if self.max_new_tokens is not None and self.verdict == "likelihood":
            raise invalid(("max_new_tokens",), "void", 'has no effect: nothing is said without "verdict": "words"')
        return self


class Code(CodeTrial):
    """Whether the code of the answer passes the row's tests.

    The code is the last block between lines of ``` of an answer, or all of it. It is run in a container without a
    network and without files of yours; code that runs out of time has not passed.
    """

    metric: Literal["code"] = option(description="Python code of the answer is to pass the row's tests.")
    tests: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)] = option(
        description="Python that is run after the code, with {COLUMN} for a cell of the row. Of {COLUMN} alone, it "
        'may hold a list of such, or of {"input": ..., "output": ...}.'
    )


#: What an answer and a reference alone do not tell: a model judges, or the answer is tried.
Judged = Reward | Preferred | Code
AnswerMetric = Annotated[
    ExactMatch
    | NormalisedMatch
    | ExtractedMatch
    | NumericMatch
    | Contains
    | TokenF1
    | Anls
    | Bleu
    | ChrF
    | Rouge
    | Meteor
    | Reward
    | Preferred
    | Code,
    Field(discriminator="metric"),
]


def label(metric: AnswerMetric) -> str:
    """What a table calls it: the metric, and the field that tells it from another of its kind."""
    beside = {"rouge": "type", "reward": "model", "preferred": "model", "extracted_match": "pattern", "code": "counts"}
    field = beside.get(metric.metric)
    return f"{metric.metric}({getattr(metric, field)})" if field else metric.metric
