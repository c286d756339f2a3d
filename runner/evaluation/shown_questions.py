"""What a model would be asked: the exact text and token ids, without asking it."""

from __future__ import annotations

from typing import Any

from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import DataError
from runner.evaluation.evaluated_model import EvaluatedModel
from runner.evaluation.evaluating import Prepared
from runner.pages.harmless_text import clean
from runner.tasks.generation.evaluation_sections import EvaluationTask, Generation, Perplexity
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.foretold_answers import passages_of, prompt_facts


def shown(prepared: Prepared, count: int) -> list[dict[str, Any]]:
    """The first questions of each task, as each model is asked them: what a sample's record has of it."""
    return [
        {"task": task.name, "model": model.reference} | _asked(task.loaded.task, question, model)
        for task in prepared.tasks
        for model in prepared.models
        for question in task.questions[:count]
    ]


def _asked(task: EvaluationTask, question: Question, model: EvaluatedModel) -> dict[str, Any]:
    try:
        if isinstance(task.answer, Perplexity):
            windows = model.predictor(False).windows(question.prompt)
            ids = [token for window in windows for token in window.ids[window.begin :]]
            return question.facts() | {"prompt": question.prompt, "prompt_ids": ids}
        if isinstance(task.answer, Generation):
            chat = model.chats(task)
            row = AskedConversation(question.conversation(task, chat))
            ids = model.predictor(chat).prompt_ids(row, task.answer.options)
            return prompt_facts(task, question, ids, model) | {"references": list(question.answers)}
        ((passages,),) = [passages_of(task, [question], model).given]
    except DataError as error:
        return question.facts() | {"refused": error.message}
    answers = [
        {"text": answer, "ids": passage.ids[passage.begin :]}
        for answer, passage in zip(question.answers, passages, strict=True)
    ]
    return prompt_facts(task, question, passages[0].prompt, model) | {"answers": answers}


def as_text(documents: list[dict[str, Any]]) -> str:
    """The same for a terminal."""
    lines = []
    for each in documents:
        lines.append(f"{each['task']}, {each['model']}, line {each['line']} ({each['id']})")
        if "refused" in each:
            lines += [f"  refused: {clean(each['refused'])}", ""]
            continue
        template = each.get("template")
        lines.append(
            f"  template: {template['name']} {template['sha256'][:12]}" if template else "  a text, no template"
        )
        if each.get("few_shot"):
            lines.append(f"  shown before: lines {', '.join(map(str, each['few_shot']))}")
        lines += [f"  | {clean(line)}" for line in each["prompt"].split("\n")]
        lines.append(f"  {len(each['prompt_ids'])} tokens: {' '.join(map(str, each['prompt_ids']))}")
        for answer in each.get("answers", ()):
            lines.append(f"  answer {clean(answer['text'])!r}: {' '.join(map(str, answer['ids']))}")
        lines.append("")
    return "\n".join(lines).rstrip()
