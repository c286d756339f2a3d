"""The task ``generation``: a text that goes on from a prompt or a conversation."""

from __future__ import annotations

from dataclasses import replace

from runner.contract import Measure, Task
from runner.tasks.generation.options import GenerationOptions, PicturedOptions, TargetOptions

TASK = Task(
    name="generation",
    package=__name__,
    measures=(
        Measure("loss", "Held-out loss", "loss", 4, better="lower", interval=True),
        Measure("perplexity", "Perplexity", "perplexity", 3, better="lower"),
        Measure("token_accuracy", "Share of tokens foretold", "token acc.", 3),
        Measure("reward_accuracy", "Share of pairs told apart", "reward acc.", 3),
        Measure("reward_margin", "Mean margin of rewards", "margin", 3),
    ),
    options=GenerationOptions,
    models_noun="Language models",
    rival="the base model",
)

#: The same task of models that learned from what their answers are worth, and are judged by that.
REWARDED = replace(
    TASK,
    measures=(
        Measure("reward", "Mean reward of answers to held-out prompts", "reward", 4, interval=True),
        Measure("answer_tokens", "Tokens an answer", "tokens", 1),
        Measure("cut_answers", "Share of answers without an end", "cut", 3, better="lower"),
    ),
    held_out_noun="prompts",
)

#: The same task of models that turn a text into another, and are judged by how near that is to what was wanted.
TARGETED = replace(
    TASK,
    measures=(
        *TASK.measures[:3],
        Measure("rouge1", "ROUGE-1 of what was written", "ROUGE-1", 3, interval=True),
        Measure("rouge2", "ROUGE-2 of what was written", "ROUGE-2", 3, interval=True),
        Measure("rougeL", "ROUGE-L of what was written", "ROUGE-L", 3, interval=True),
        Measure("bleu", "BLEU of what was written", "BLEU", 2, interval=True),
        Measure("chrf", "chrF of what was written", "chrF", 2, interval=True),
        Measure("exact_match", "Share that is a target, letter by letter", "exact", 3, interval=True),
        Measure("written_tokens", "Tokens that were written, the mean", "tokens", 1),
        Measure("cut_texts", "Share that was cut before its end", "cut", 3, better="lower"),
    ),
    options=TargetOptions,
    models_noun="Models",
    rival="the best baseline",
)

#: The same task of models that answer about pictures, and are judged by how near that is to a right answer.
PICTURED = replace(
    TASK,
    measures=(
        *TASK.measures[:3],
        Measure("exact_match", "Share of answers that are a right one", "exact", 3, interval=True),
        Measure("anls", "Likeness to a right answer, ANLS", "ANLS", 3, interval=True),
        Measure("answer_tokens", "Tokens an answer", "tokens", 1),
        Measure("cut_answers", "Share of answers without an end", "cut", 3, better="lower"),
    ),
    options=PicturedOptions,
    models_noun="Models of pictures",
    rival="the best baseline",
)
