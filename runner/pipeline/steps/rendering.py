"""``render``: rows as ``{"input", "target"}``, the texts that a model reads and writes.

``input`` is the prompt letter for letter, with the line break after the header of the answer; ``target`` is the answer
with the mark that ends it. By a chat format, or a tokenizer's own template, both are what training and a stored model
write of the same row; each answer of a dialogue is a row, with all that was said before as its input. A template of
one's own has ``system`` and ``user``, and is rendered in Jinja's sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from runner.chat import formats
from runner.contract import Section, option
from runner.errors import DataError
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.row_files import expanded, need_rows, part_writer, rows_of, tokenizer_files
from runner.pipeline.steps.row_forms import turns_of
from runner.pipeline.steps.step_report import StepReport
from runner.pipeline.steps.styling import HINT

Format = Literal["chatml", "alpaca", "llama", "vicuna", "zephyr", "mistral", "tokenizer"]
#: One pair: what is read, and what is written.
Pair = tuple[str, str]


class Options(Section):
    """What ``render`` may be told."""

    format: Format = option(
        "chatml",
        description="A chat format, or tokenizer: the template of the model's tokenizer. All but chatml need model. "
        "Not beside template.",
    )
    model: str | None = option(
        None, pretrained=True, description="Whose tokenizer has the template, or the marks of the format."
    )
    template: str | None = option(
        None,
        min_length=1,
        file=".jinja",
        description="A file with a Jinja template of a prompt, in which system and user stand for a row's texts.",
    )
    end_of_turn: str | None = option(
        None, min_length=1, description="What ends an answer, such as <|im_end|>. Beside template, which cannot tell."
    )


def run(inputs: Inputs, options: Options, out: Path) -> StepReport:
    """Each part with its rows rendered. Raises :class:`DataError` for a template that cannot be used."""
    _check(options)
    report = StepReport()
    pairs = _by_template(options) if options.template is not None else _by_format(options)
    if options.template is not None and options.end_of_turn is None:
        report.warnings.append("no target has a mark that ends it: end_of_turn says which, such as <|im_end|>")
    for part, path in inputs.items():
        with part_writer(out, part, report) as writer:
            for place, row in rows_of(path, report):
                if turns_of(row) is None:
                    names = ", ".join(map(repr, row)) or "nothing"
                    raise DataError(f"the row has {names}, and no turns", where=place, hint=HINT)
                try:
                    made = list(pairs(row))
                except _Refused as error:
                    report.drop(error.reason, place)
                    report.warnings += [error.detail] if report.dropped[error.reason] == 1 else []
                    continue
                beside = {name: row[name] for name in row if name not in ("system", "user", "assistant", "messages")}
                for read, written in made:
                    writer.write({"input": read, "target": written} | beside)
    need_rows(report, inputs, HINT)
    return report


def reads(options: Options) -> list[Path]:
    """The files that decide what is rendered, beside the rows: the template, and the tokenizer of a local model."""
    return [expanded(options.template)] if options.template is not None else tokenizer_files(options.model)


class _Refused(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def _check(options: Options) -> None:
    fields = type(options).model_fields
    if options.template is not None:
        for name in ("format", "model"):
            if getattr(options, name) != fields[name].default:
                raise DataError("has no effect beside template", where=name, hint=f"leave out template or {name}")
    elif options.end_of_turn is not None:
        raise DataError("a chat format has its own mark", where="end_of_turn", hint="leave it out, or name a template")
    elif options.model is None and options.format != "chatml":
        told = "is a tokenizer's" if options.format == "tokenizer" else "has marks that are a tokenizer's"
        raise DataError(f"the format {options.format} {told}", where="model", hint="name the model to be trained")


def _by_template(options: Options) -> Any:
    """Rows by a template of ``system`` and ``user``. Raises :class:`DataError` for no template."""
    from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    path = expanded(options.template or "")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f"the template cannot be read: {reason}", where=f"template: {path}",
                        hint="name a file that ends in .jinja") from None  # fmt: skip
    # The line break at the end of the file is the one after the header.
    sandbox = ImmutableSandboxedEnvironment(keep_trailing_newline=True, undefined=StrictUndefined)
    try:
        template = sandbox.from_string(text)
    except TemplateSyntaxError as error:
        raise DataError(f"line {error.lineno}: {error.message}", where=f"template: {path}") from None

    def pairs(row: Mapping[str, Any]) -> Iterator[Pair]:
        turns = turns_of(row) or []
        roles = [role for role, _ in turns]
        if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
            raise _Refused(
                "more_than_one_exchange",
                f"a template of system and user has no place for {', '.join(roles)}: a chat format has",
            )
        said = dict(turns)
        try:
            prompt = template.render(system=said.get("system", ""), user=said["user"])
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise DataError(
                f"the template falls over a row: {error}", where=f"template: {path}",
                hint="it has two variables: system and user",
            ) from None  # fmt: skip
        yield prompt, said["assistant"] + (options.end_of_turn or "")

    return pairs


def _by_format(options: Options) -> Any:
    """Rows by a chat template, written as :mod:`runner.chat.template_rendering` writes it."""
    from runner.chat.refusals import Unrenderable
    from runner.chat.template_choice import open_template
    from runner.chat.template_rendering import DAY, Template

    if options.model is None:
        template = Template(options.format, formats.template_of(options.format, starts=False), None, {}, DAY)
    else:
        from runner.generation.named_tokenizer import named_tokenizer
        from runner.workspace import Workspace

        tokenizer, _ = named_tokenizer(Workspace.current(), options.model, "model")
        template = open_template(tokenizer, options.format, DAY)

    def pairs(row: Mapping[str, Any]) -> Iterator[Pair]:
        messages = row.get("messages") or [{"role": role, "content": text} for role, text in turns_of(row) or []]
        tools = row.get("tools") or []
        found = 0
        try:
            for at, message in enumerate(messages):
                if message["role"] != "assistant" or message.get("weight") == 0:
                    continue
                before = [{key: each[key] for key in each if key != "weight"} for each in messages[:at]]
                prompt = template.write(before, tools, prompt=True).text
                own = {key: message[key] for key in message if key != "weight"}
                whole = template.write([*before, own], tools, prompt=False).text
                if not whole.startswith(prompt):
                    raise _Refused("answered_otherwise", "the template writes an answer otherwise than it asks for it")
                # What follows the mark is the beginning of the next turn, and not learned.
                yield prompt, whole[len(prompt) :].rstrip("\n")
                found += 1
        except Unrenderable as error:
            raise _Refused(error.reason.replace(" ", "_"), error.message) from None
        if not found:
            raise _Refused("no_answer", "there is no turn of an assistant")

    return pairs
