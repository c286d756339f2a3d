"""``runner data process | style | dedupe | split | render``: the steps from raw files to rows to train on."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.errors import UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.pipeline.steps.preparing import Prepared

Path_ = Annotated[
    str, Parameter(help="A file, a folder, a pattern, what another step made, or dataset/NAME (stored data).")
]
Out_ = Annotated[
    Path | None,
    Parameter(help="The folder to make. It is there as a whole, or not at all; not needed with --store-as."),
]
StoreAs_ = Annotated[str | None, Parameter(help="Store what is made as the next version of dataset/NAME.")]
Force_ = Annotated[
    bool, Parameter(negative="", help="Make it again, and replace what a step made there of other inputs.")
]


def process(
    path: Path_,
    out: Out_ = None,
    *,
    system: str | None = None,
    max_characters: int | None = None,
    columns: str | None = None,
    keep: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    max_rows_lost: float | None = None,
    store_as: StoreAs_ = None,
    force: Force_ = False,
    json: Json = False,
) -> None:
    """Make rows of raw files: {"system", "user", "assistant"}, and dialogues whole as {"messages"}.

    Rows that cannot be taken are in _rejected.jsonl, each with its line and the reason.

    Example: runner data process raw.jsonl data/processed

    Example: runner data process raw.csv data/processed --columns '{"user": "Question", "assistant": "Reply"}'

    Parameters
    ----------
    system
        The system's words of rows that have none.
    max_characters
        Cut what is asked and answered after so many characters; what is cut is counted and named.
    columns
        Columns by other names, as JSON: user, input, assistant, system, messages.
    keep
        Other columns that stay, such as the one to stratify a split by.
    encoding
        The encoding of text files: cp1252, utf-16, ...
    delimiter
        What separates the cells of a CSV.
    max_rows_lost
        Fail where more than this share of the rows cannot be taken (0.5).
    """
    options = _given(
        system=system,
        max_characters=max_characters,
        columns=_object(columns, "--columns", '{"user": "Question"}'),
        keep=keep,
        encoding=encoding,
        delimiter=delimiter,
        max_rows_lost=max_rows_lost,
    )
    _do("process", path, options, out, store_as, force, json)


def style(
    path: Path_,
    out: Out_ = None,
    *,
    style: str | None = None,
    style_file: Path | None = None,
    mode: Literal["prepend", "replace"] | None = None,
    store_as: StoreAs_ = None,
    force: Force_ = False,
    json: Json = False,
) -> None:
    """Put a style's words into the system's turn of every row of every part. Done twice it is as done once.

    Example: runner data style data/processed data/styled --style 'Answer in two lines. No markdown.'

    Parameters
    ----------
    style
        The words, as they stand.
    style_file
        A file with the words, for those that a shell would change.
    mode
        prepend (the default): above the system's words that there are; replace: in their place.
    """
    if (style is None) == (style_file is None):
        raise UsageError("which style?", where="--style", hint="say --style TEXT, or --style-file FILE")
    if style_file is not None:
        style = _text(style_file, "--style-file")
    _do("style", path, _given(style=style, mode=mode), out, store_as, force, json)


def dedupe(
    path: Path_,
    out: Out_ = None,
    *,
    by: Literal["row", "prompt"] | None = None,
    columns: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    whitespace: Annotated[bool, Parameter(negative="--keep-whitespace")] = True,
    casefold: Annotated[bool, Parameter(negative="")] = False,
    near: float | None = None,
    shingle: int | None = None,
    store_as: StoreAs_ = None,
    force: Force_ = False,
    json: Json = False,
) -> None:
    """Leave each row in once, over all parts: equal ones, and with --near those that are nearly so. The first stays.

    Example: runner data dedupe data/processed data/unique --near 0.8

    Parameters
    ----------
    by
        row (the default): rows that say the same; prompt: rows that ask the same.
    columns
        Compare these columns alone.
    whitespace
        Rows that differ by blanks alone are equal (the default), or are not.
    casefold
        Rows that differ by capital letters alone are equal.
    near
        The Jaccard index of the rows' shingles from which they are nearly equal, such as 0.8; computed exactly.
    shingle
        Words of a shingle (3).
    """
    options = _given(by=by, columns=columns, near=near, shingle=shingle)
    options |= ({} if whitespace else {"whitespace": False}) | ({"casefold": True} if casefold else {})
    _do("dedupe", path, options, out, store_as, force, json)


def split(
    path: Path_,
    out: Out_ = None,
    *,
    ratios: str | None = None,
    seed: int | None = None,
    group_by: str | None = None,
    stratify: str | None = None,
    store_as: StoreAs_ = None,
    force: Force_ = False,
    json: Json = False,
) -> None:
    """Divide rows into train, validation and test, by what they ask: rows that ask the same are in one part.

    Example: runner data split data/unique data/split --ratios '{"train": 0.9, "validation": 0.1}'

    Parameters
    ----------
    ratios
        The parts with their shares, as JSON; they add up to 1 ({"train": 0.8, "validation": 0.1, "test": 0.1}).
    seed
        Another seed divides otherwise (42).
    group_by
        What stays together: prompt (the default), row, or a column.
    stratify
        A column of which each value is divided by the shares.
    """
    options = _given(
        ratios=_object(ratios, "--ratios", '{"train": 0.9, "test": 0.1}'),
        seed=seed,
        group_by=group_by,
        stratify=stratify,
    )
    _do("split", path, options, out, store_as, force, json)


def render(
    path: Path_,
    out: Out_ = None,
    *,
    format_: Annotated[str | None, Parameter(name="--format")] = None,
    model: str | None = None,
    template: Path | None = None,
    end_of_turn: str | None = None,
    store_as: StoreAs_ = None,
    force: Force_ = False,
    json: Json = False,
) -> None:
    """Write rows as {"input", "target"}: the texts that a model reads and writes, letter for letter.

    Example: runner data render data/split data/rendered

    Example: runner data render data/split data/rendered --template prompt.jinja --end-of-turn '<|im_end|>'

    Parameters
    ----------
    format_
        chatml (the default), alpaca, llama, vicuna, zephyr, mistral, or tokenizer.
    model
        Whose tokenizer has the template or the marks, as a spec's base_model_name.
    template
        A Jinja file of a prompt with the variables system and user; it is rendered in a sandbox.
    end_of_turn
        What ends an answer, beside --template.
    """
    options = _given(
        format=format_, model=model, template=None if template is None else str(template), end_of_turn=end_of_turn
    )
    _do("render", path, options, out, store_as, force, json)


def _do(
    name: str, path: str, options: dict[str, Any], out: Path | None, store_as: str | None, force: bool, as_json: bool
) -> None:
    from runner.pipeline.steps.preparing import prepare

    made = prepare(name, path, options, out, Workspace.current(), store_as=store_as, force=force)
    for warning in made.outcome.report.warnings:
        say(f"warning: {warning}")
    kept = f"made in {made.outcome.out}" if made.stored is None else f"stored as {made.stored.reference}"
    show(made.as_dict(), lambda: _text_of(made), as_json=as_json, kept=kept)


def _text_of(made: Prepared) -> str:
    report = made.outcome.report
    place = made.stored.path if made.stored is not None else made.outcome.out
    lines = [table(("PART", "ROWS", "FILE"), _parts(made, place), right=(1,))]
    for title, counts in (("left out", report.dropped), ("changed", report.changed)):
        for reason, count in counts.most_common():
            places = report.named.get(reason, [])
            more = ", ..." if count > len(places[:5]) else ""
            lines.append(f"{title}: {reason} ({count}): {', '.join(places[:5])}{more}")
    for fact, value in report.facts.items():
        told = ", ".join(f"{name}: {each}" for name, each in value.items()) if isinstance(value, dict) else value
        lines.append(f"{fact.replace('_', ' ')}: {told}")
    if made.outcome.already:
        lines.append("already done, of the same inputs and options: nothing was made again")
    if made.stored is not None:
        lines.append(f"stored as {made.stored.reference}" + ("" if made.new else ", which is there already"))
    return "\n".join(lines)


def _parts(made: Prepared, place: Path) -> list[tuple[str, str, str]]:
    report = made.outcome.report
    return [(part, f"{report.files[name].rows:,}", str(place / name)) for part, name in report.parts.items()]


def _given(**options: Any) -> dict[str, Any]:
    """The options that were said: a step knows its own defaults."""
    return {name: value for name, value in options.items() if value is not None}


def _object(words: str | None, flag: str, example: str) -> Any:
    if words is None:
        return None
    try:
        found = jsonlib.loads(words)
    except ValueError as error:
        raise UsageError(f"not JSON: {error}", where=flag, hint=f"such as {example}") from None
    if not isinstance(found, dict):
        raise UsageError("not a JSON object", where=flag, hint=f"such as {example}")
    return found


def _text(path: Path, flag: str) -> str:
    from runner.errors import NotFoundError

    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8"
        raise NotFoundError(f"the file cannot be read: {reason}", where=f"{flag}: {path}") from None
