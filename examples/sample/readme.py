"""The data set's own page: what it is, with the counts of the rows it stands beside."""

from collections import Counter
from collections.abc import Mapping, Sequence

from .checks import CHECKS, passes
from .prompts import Prompt

ANSWERERS = {
    "smollm2-135m": "SmolLM2-135M-Instruct (4-bit weights expanded to float32), greedy, at most 24 new tokens",
    "smollm2-135m-sampled": "the same, drawn at temperature 1",
    "smollm2-135m-29-layers": "the same, greedy, without its last layer (of 30)",
    "smollm2-135m-with-examples": "the same, greedy, after the three most similar solved prompts",
    "minilm-neighbour": "the answer of the most similar solved prompt (all-MiniLM-L6-v2)",
    "calculator": "an expression in digits with + - * or x; reads no words",
    "word-arithmetic": "adds or subtracts by the words of a sentence; cannot multiply",
    "string-rules": "copies, reverses, counts letters",
    "number-rules": "compares, tests for even and odd, sorts (upwards only)",
    "converter": "metric units, time, weekdays (forwards only)",
    "dictionary": "capitals, opposites, translations, animals: four fifths of the tables' entries",
    "quoter": "the weak baseline: gives back what the prompt quotes, or what follows its colon",
}

PAGE = """# The packaged data set `sample`

{rows} comparisons of {models} answerers on {prompts} distinct prompts of {kinds} kinds. Every prompt has an
answer that can be checked exactly; every answer is what the answerer really gave; the winner is whoever's
answer passed the check. Both passed: `tie`; neither: `both_bad`. No person judged anything here. It is small,
so that a router can be trained, tested and shown without a download: which answerer is good at which kind of
prompt is a fact of these rows. It is no measure of general ability.

`examples/make_sample.py` made it (seed {seed}) and makes it again. The prompts and the rules' answers follow
from the seed everywhere; the language model's answers, and with them some of the pairs, may differ with another
version of its libraries or another processor. Pairs of answerers are drawn at random for each prompt, {each} at
most; of the pairs in which both fail only {share:.0%} are kept, so that most rows say something, and win rates
against the field are therefore not pass rates. The pass rates are below.

## Layout

One Parquet file in the raw layout of `lmarena-ai/arena-human-preference-140k`: `id`, `model_a`, `model_b`,
`winner`, `conversation_a`, `conversation_b` (lists of `role` and `content`, which is a list of `type` and
`text`), `category_tag` and `language`. Two columns are added, so that each winner can be checked: `kind`, and
`reference`, the answer that passes (alternatives are separated by a slash). The tags follow from the kind
alone.

| winner | rows |
|---|---|
{outcomes}

## Answerers

A rule reads the prompt's text alone, never its kind or reference. The solved prompts that two answerers look up
are {bank} others, made the same way and disjoint from the compared ones. The language model is told:
"{system}"

| name | what it is | comparisons | won | lost |
|---|---|---|---|---|
{answerers}

## Kinds and checks

| kind | check | rows |
|---|---|---|
{checks}

Numbers may be digits, or words up to twenty except "one". Case never counts.

## Share of prompts passed, in percent

{shares}

## Licence

Apache-2.0, as the project: the prompts, the tables behind them and the rules are the project's own.
SmolLM2-135M-Instruct, whose answers are in the rows, is Apache-2.0; all-MiniLM-L6-v2, which only chose
neighbours, is published under Apache-2.0 by its authors and under MIT in the package used here.
"""


def pass_shares(questions: Sequence[Prompt], answers: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Answerer -> kind -> share of the kind's prompts whose check its answer passes."""
    total = Counter(question.kind for question in questions)
    return {
        name: {
            kind: sum(
                passes(kind, answer, question.reference)
                for question, answer in zip(questions, given, strict=True)
                if question.kind == kind
            )
            / count
            for kind, count in total.items()
        }
        for name, given in answers.items()
    }


def page(
    rows: Sequence[Mapping[str, str]],
    shares: Mapping[str, Mapping[str, float]],
    prompts: int,
    bank: int,
    seed: int,
    each: int,
    both_bad_share: float,
    system: str,
) -> str:
    """The page for these rows. KeyError for an answerer that has no description."""
    seen, won, lost = Counter(), Counter(), Counter()
    for row in rows:
        a, b = row["model_a"], row["model_b"]
        seen.update((a, b))
        if row["winner"] in ("model_a", "model_b"):
            first, second = (a, b) if row["winner"] == "model_a" else (b, a)
            won[first] += 1
            lost[second] += 1
    outcomes, kinds = Counter(row["winner"] for row in rows), Counter(row["kind"] for row in rows)
    return PAGE.format(
        rows=f"{len(rows):,}",
        models=len(seen),
        prompts=prompts,
        kinds=len(kinds),
        seed=seed,
        share=both_bad_share,
        each=each,
        bank=bank,
        system=system,
        outcomes="\n".join(f"| {name} | {count} |" for name, count in sorted(outcomes.items())),
        answerers="\n".join(
            f"| {name} | {what} | {seen[name]} | {won[name]} | {lost[name]} |" for name, what in ANSWERERS.items()
        ),
        checks="\n".join(f"| {kind} | {check.__doc__} | {kinds[kind]} |" for kind, check in CHECKS.items()),
        shares=_share_table(shares),
    )


def _share_table(shares: Mapping[str, Mapping[str, float]]) -> str:
    lines = ["| | " + " | ".join(CHECKS) + " |", "|---" * (len(CHECKS) + 1) + "|"]
    for name in ANSWERERS:
        lines.append(f"| {name} | " + " | ".join(f"{100 * shares[name][kind]:.0f}" for kind in CHECKS) + " |")
    return "\n".join(lines)
