"""Rows as the tokens that a language model gets: ``runner data show --tokens``, and ``data check --model``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from runner.chat.mask_display import marked, pieces
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.rendered import Rendered
from runner.chat.renderer import ChatRenderer
from runner.cli.data_length import NoRoom, Room
from runner.cli.output import say, show
from runner.contract.quantities import counted
from runner.data.dialogues.row_types import ConversationRow, LabelledRow, LanguageRow, PreferenceRow
from runner.errors import DataError, ExitCode, UsageError

if TYPE_CHECKING:
    from runner.execution.data_trial import DataTrial


@dataclass
class Served:
    """An answer of a row, and whether what a model is fed for it is what came before it in training."""

    message: int
    prompt_tokens: int
    equal: bool


@dataclass
class Shown:
    """One row of tokens, or what it was refused for."""

    line: int
    part: str
    rendered: Rendered | None
    refused: Unrenderable | None = None
    served: list[Served] = field(default_factory=list)


def show_tokens(
    loaded: Any,
    count: int,
    *,
    model: str | None,
    template: str | None,
    loss_on: Any = "assistant",
    as_served: bool,
    as_json: bool,
    account: Mapping[str, Any],
) -> int:
    """Print rows of a language model's data as tokens: what is learned stands out.

    Args:
        loaded: the rows of a side, of a layout of language models.
        count: so many of them are shown.
        model: whose tokenizer is taken: a base, as ``base_model_name`` names it, or a stored model.
        template: as a spec's ``chat.template``; None is the tokenizer's own, and of a stored model its training's.
        loss_on: as a spec's ``loss_on``.
        as_served: ask for every answer, as a stored model would, and compare the ids with the row's.
        account: what became of all rows of the file; it is in the document beside those that are shown.

    Returns 0, or 4 where an answer is asked for otherwise than it is learned, or not one row can be shown.
    """
    if model is None:
        raise UsageError("--tokens needs a tokenizer", where="--model", hint="such as --model NAME of the base model")
    rows = _chats(loaded)[:count]
    renderer = _renderer(model, template)
    # What a stored model keeps is what it is asked by.
    stored = ChatRenderer.from_document(renderer.tokenizer, renderer.as_document()) if as_served else None
    shown = [
        each
        for row in rows
        for part, conversation, learned in _parts(row, loss_on)
        for each in _shown(row.line, part, conversation, learned, renderer, stored)
    ]
    for warning in renderer.warnings:
        say(f"warning: {warning}")
    # A document says by which of the words it was made.
    told = {"loss_on": loss_on if isinstance(loss_on, str) else loss_on.model_dump()}
    show(told | _document(shown, renderer) | dict(account), lambda: _text(shown, renderer), as_json=as_json)
    differing = any(not served.equal for each in shown for served in each.served)
    nothing = all(each.rendered is None for each in shown)
    if nothing:
        say(f"none of the rows that were looked at ({counted(len(rows), 'rows')}) can be learned; --rows looks at more")
    return ExitCode.DATA if differing or nothing else ExitCode.DONE


def loss_on_of(kind: str, words: str | None) -> Any:
    """What a kind's training learns of a conversation: as ``words`` say, or, with None, as it does by itself.

    Raises :class:`UsageError` for words that are no ``loss_on``, and for a kind that has none.
    """
    from pydantic import TypeAdapter, ValidationError

    from runner import registry

    field = registry.load(kind).Spec.model_fields.get("loss_on")
    if field is None:
        if words is not None:
            raise UsageError(f"{kind} has no loss_on: the answers are learned", where="--loss-on", hint="leave it out")
        return "assistant"
    if words is None:
        return field.get_default(call_default_factory=True)
    text = words if words.lstrip().startswith("{") else json.dumps(words)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(field.annotation or Any)
        return adapter.validate_json(text)
    except ValidationError as error:
        # The last branch that was tried is the object's, the first the words'.
        fault = error.errors(include_url=False, include_input=False)[-1 if text is words else 0]
        name = str(fault["loc"][-1]) if text is words and len(fault["loc"]) > 1 else ""
        raise UsageError(
            f"{name}: {fault['msg']}" if name else fault["msg"],
            where="--loss-on",
            hint='assistant, last_assistant, all, or weights of roles: {"assistant": 1, "user": 0.1}',
        ) from None


def try_template(
    read: DataTrial, *, model: str, template: str | None, loss_on: Any = "assistant", room: Room | None = None
) -> None:
    """Try the chat template on every row that was read, as training would: rows that it refuses count as dropped, and
    those whose answers have no ``room``.

    ``read.error`` becomes what training would end with: a model without a template, or not one row that is left.
    """
    if read.loaded is None:
        return
    try:
        renderer = _renderer(model, template)
    except DataError as error:
        read.error = error
        return
    refused: dict[str, list[tuple[int, Unrenderable | NoRoom]]] = {}
    noted: dict[str, int] = {}
    cuts: list[int] = []
    count = len(read.loaded.train) + len(read.loaded.validation)
    for row in chain(_chats(read.loaded.train), read.loaded.validation):
        try:
            answers = [renderer.trained_each(chat, learned) for _, chat, learned in _parts(row, loss_on)]
            if room is not None:
                cuts += [row.line] * room.cuts(answers)
        except (Unrenderable, NoRoom) as error:
            refused.setdefault(error.reason, []).append((row.line, error))
            continue
        for note in dict.fromkeys(note for rows in answers for each in rows for note in each.notes):
            noted[note] = noted.get(note, 0) + 1
    read.warnings += renderer.warnings
    read.warnings += [f"{note} ({counted(count, 'rows')})" for note, count in noted.items()]
    if cuts and room is not None:
        read.report.change("cut_at_max_length", sorted(cuts))
        rows = counted(len(cuts), "rows")
        read.warnings.append(f"{rows} cut at max_length, {room.tokens:,}: their ends are not learned")
    for reason, found in refused.items():
        found.sort(key=lambda each: each[0])
        read.report.drop(reason.replace(" ", "_"), [line for line, _ in found])
        read.report.rows_kept -= len(found)
        read.warnings.append(f"line {found[0][0]}: {found[0][1].message}")
        if len(found) == count:
            read.error = found[0][1]


def _chats(loaded: Any) -> Sequence[Any]:
    """Rows that are chats. Raises :class:`UsageError` where they are none."""
    rows: Sequence[Any] = loaded if isinstance(loaded, Sequence) else []
    if not rows or not all(isinstance(row, ConversationRow | PreferenceRow | LabelledRow) for row in rows):
        raise UsageError(
            "has no chats to be made tokens of", where="--kind", hint="sft, distillation, dpo, orpo, kto, reward"
        )
    return rows


def _renderer(model: str, template: str | None) -> ChatRenderer:
    """The renderer of a model's conversations: a stored one's is its training's, where no other template is named."""
    from runner.generation.named_tokenizer import named_tokenizer
    from runner.workspace import Workspace

    tokenizer, trained = named_tokenizer(Workspace.current(), model, "--model")
    if template is None and trained is not None:
        return ChatRenderer.from_document(tokenizer, trained)
    return ChatRenderer.of(tokenizer, template or "tokenizer")


def _parts(row: LanguageRow, loss_on: Any) -> list[tuple[str, Conversation, Any]]:
    """The conversations of a row, each with what is learned of it: of a preference, the answers alone."""
    if isinstance(row, ConversationRow):
        return [("", row.conversation, loss_on)]
    if isinstance(row, PreferenceRow):
        return [("chosen", *_answered(row.prompt, row.chosen)), ("rejected", *_answered(row.prompt, row.rejected))]
    assert isinstance(row, LabelledRow)
    return [("wanted" if row.wanted else "unwanted", *_answered(row.prompt, row.completion))]


def _answered(prompt: Conversation, answer: Sequence[Message]) -> tuple[Conversation, Any]:
    before = [replace(message, weight=0.0) for message in prompt.messages]
    return prompt.with_messages([*before, *(replace(message, weight=None) for message in answer)]), "assistant"


def _shown(
    line: int, part: str, conversation: Conversation, loss_on: Any, renderer: ChatRenderer, stored: ChatRenderer | None
) -> list[Shown]:
    try:
        rows = renderer.trained_each(conversation, loss_on)
    except Unrenderable as error:
        return [Shown(line, part, None, error)]
    return [Shown(line, part, row, None, _served(conversation, row, stored) if stored else []) for row in rows]


def _served(conversation: Conversation, row: Rendered, stored: ChatRenderer) -> list[Served]:
    answers = [index for index in row.trained_messages if conversation.messages[index].role == "assistant"]
    prompts = [(index, stored.prompt(conversation.with_messages(conversation.messages[:index]))) for index in answers]
    return [Served(index, len(prompt), row.ids[: len(prompt)] == prompt) for index, prompt in prompts]


def _document(shown: Sequence[Shown], renderer: ChatRenderer) -> dict[str, Any]:
    rows = []
    for each in shown:
        document: dict[str, Any] = {"line": each.line} | ({"part": each.part} if each.part else {})
        if each.rendered is None:
            assert each.refused is not None
            rows.append(document | {"refused": each.refused.reason, "message": each.refused.message})
            continue
        row = each.rendered
        document |= {
            "tokens": len(row.ids),
            "trained_tokens": row.trained_tokens,
            "ids": row.ids,
            "weights": row.weights,
            "pieces": [piece._asdict() for piece in pieces(renderer.tokenizer, row.ids, row.weights)],
            "notes": list(row.notes),
        }
        if each.served:
            document["served"] = [asdict(served) for served in each.served]
        rows.append(document)
    return {"template": renderer.template.name, "warnings": list(renderer.warnings), "rows": rows}


def _text(shown: Sequence[Shown], renderer: ChatRenderer) -> str:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    lines: list[str] = []
    for each in shown:
        head = f"line {each.line}" + (f", {each.part}" if each.part else "")
        if each.rendered is None:
            assert each.refused is not None
            lines.append(f"{head}: {each.refused.message}")
            continue
        row = each.rendered
        lines.append(f"{head}: {counted(len(row.ids), 'tokens')}, {row.trained_tokens} learned")
        lines += [f"  {note}" for note in row.notes]
        text = marked(pieces(renderer.tokenizer, row.ids, row.weights), colour=colour)
        lines += [f"    {line}" for line in text.split("\n")]
        lines += [f"  {_verdict(served)}" for served in each.served]
    return "\n".join(lines)


def _verdict(served: Served) -> str:
    what = f"message {served.message + 1} is asked for with {counted(served.prompt_tokens, 'tokens')}"
    return f"{what}, the same as in training" if served.equal else f"{what} that are NOT those before it in training"
