"""Generation: what a model says, against references, by patterns, and as judges find it."""

from __future__ import annotations

from runner.chat.refusals import Unrenderable
from runner.data.dialogues.infer_rows import AskedConversation
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.answer_figures import figure_of
from runner.tasks.generation.completions import CUT
from runner.tasks.generation.evaluation_sections import EvaluationTask, Generation
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import AskedModel, Judges, Progress
from runner.tasks.generation.scored.foretold_answers import TOO_LONG, prompt_facts, tokens_told
from runner.tasks.generation.scored.scored_task import Asked, ScoredTask


def score(
    task: EvaluationTask,
    questions: list[Question],
    model: AskedModel,
    progress: Progress,
    bench: Judges | None = None,
) -> ScoredTask:
    """Have every question answered, and score the answers. ``bench`` has the judges that the metrics name."""
    assert isinstance(task.answer, Generation)
    asked = _asked(task, questions, model)
    chat, options = model.chats(task), task.answer.options
    rows, prompts = [row for row, _ in asked.given], [ids for _, ids in asked.given]
    said = model.completions(rows, options, chat, progress, prompts)
    answers = [each["completion"] for each in said]
    references = [question.answers for question in asked.questions]
    figures = []
    for at, metric in enumerate(task.answer.metrics):
        if isinstance(metric, sections.Judged):
            assert bench is not None
            figures.append(bench.figure(metric, asked.questions, rows, answers))
        else:
            figures.append(figure_of(metric, answers, references, f"{task.name}: /answer/metrics/{at}"))
    records = [
        prompt_facts(task, question, ids, model) | each | {"references": list(question.answers)}
        for question, (_, ids), each in zip(asked.questions, asked.given, said, strict=True)
    ]
    truncated = [each["finish_reason"] == CUT for each in said]
    return ScoredTask(asked.questions, figures, records, asked.dropped, truncated)


def _asked(task: EvaluationTask, questions: list[Question], model: AskedModel) -> Asked:
    """The rows with the tokens of their prompts. Raises :class:`DataError` where not one question can be asked."""
    assert isinstance(task.answer, Generation)
    asked, chat = Asked(), model.chats(task)
    predictor = model.predictor(chat)
    for question in questions:
        row = AskedConversation(question.conversation(task, chat))
        try:
            ids = predictor.prompt_ids(row, task.answer.options)
        except Unrenderable as refused:
            asked.drop(question, refused.reason)
            continue
        if not ids:
            asked.drop(question, "no_token_to_go_on_from")
        elif len(ids) >= predictor.longest:
            asked.drop(question, TOO_LONG, tokens_told(len(ids), predictor.longest - 1))
        else:
            asked.take(question, (row, ids))
    asked.check(task, model)
    return asked
