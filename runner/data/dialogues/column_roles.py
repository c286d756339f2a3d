"""Which column of a row has which role, by the names that published data sets give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runner.data.dialogues.row_faults import RowFault

#: The names of a role's column, in lower case.
NAMES: dict[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation", "chats", "chat", "dialogue", "dialog", "dialogues",
                 "dialogs", "turns", "chosen_messages"),
    "system": ("system", "system_prompt", "system_message", "sys"),
    "tools": ("tools", "functions", "available_tools"),
    "history": ("history", "chat_history"),
    "input": ("input", "inputs", "context"),
    "reasoning": ("reasoning_content", "reasoning", "thinking", "thought", "complex_cot"),
    "margin": ("margin",),
    "advantage": ("advantage",),
    "chosen_score": ("chosen_score", "score_chosen", "chosen_rating"),
    "rejected_score": ("rejected_score", "score_rejected", "rejected_rating"),
    "label": ("label", "labels", "kto_tag", "kto_label", "feedback", "is_desirable", "desirable", "wanted",
              "preference"),
    "text": ("text", "content", "document", "documents", "body", "page_content", "raw_text", "raw_content", "passage",
             "article", "story"),
    "scores": ("scores", "score", "ratings", "rewards"),
    "ranks": ("ranks", "rank", "rankings"),
    "ranked": ("output", "outputs", "responses", "answers", "completions", "ranked", "candidates"),
}  # fmt: skip
#: What a prompt's column is called, each with the names of the answer's beside it. The first that fits is taken.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "instruction": ("output", "response", "answer", "completion", "target", "outputs"),
    "prompt": ("completion", "response", "answer", "output", "target", "reply"),
    "question": ("answer", "response", "output", "completion", "answers"),
    "query": ("response", "answer", "output", "completion"),
    "problem": ("solution", "answer", "response"),
    "input": ("output", "target", "response", "answer", "completion", "label_text"),
    "inputs": ("targets", "outputs", "output"),
    "human": ("bot", "assistant", "gpt", "ai", "chatbot"),
    "user": ("assistant", "bot", "gpt", "ai", "chatbot"),
    "q": ("a",),
    "source": ("target",),
    "src": ("tgt", "trg"),
    "context": ("response",),
    "article": ("summary", "highlights"),
    "document": ("summary",),
    "dialogue": ("summary",),
}
#: Answers only where there is no other: such columns have other uses.
WEAK_ANSWERS = ("target", "targets", "label_text")
#: The names of a better answer, each with those of the worse one.
PAIRS: dict[str, tuple[str, ...]] = {
    "chosen": ("rejected", "reject"),
    "chosen_response": ("rejected_response", "reject_response"),
    "response_chosen": ("response_rejected",),
    "chosen_answer": ("rejected_answer",),
    "preferred": ("rejected", "dispreferred", "unpreferred"),
    "accepted": ("rejected",),
    "better": ("worse",),
    "better_response": ("worse_response",),
    "good": ("bad",),
    "winner": ("loser",),
    "response_j": ("response_k",),
    "response": ("rejected_response", "rejected"),
    "answer": ("rejected_answer", "rejected"),
    "completion": ("rejected_completion", "rejected"),
    "output": ("rejected_output", "rejected"),
}
#: Two answers that were voted on: the names of both columns. Who won says another.
VOTED = (("conversation_a", "conversation_b"), ("response_a", "response_b"), ("answer_a", "answer_b"))
#: A worse answer beside a conversation that ends in the better one.
WORSE_ALONE = ("rejected", "rejected_response", "rejected_answer", "rejected_messages")
#: Of a prompt alone.
PROMPTS = ("prompt", "instruction", "question", "query", "problem", "human", "user", "input", "q")


def plain(name: str) -> str:
    """A column's name as it is compared: its case, blanks around it and the kind of dash in it say nothing."""
    return name.strip().strip("\ufeff").lower().replace(" ", "_").replace("-", "_")


@dataclass
class Columns:
    """The columns of a row, by what they are called; ``own`` are the spec's, by role."""

    names: tuple[str, ...]
    own: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_plain: dict[str, str] = {}
        for name in self.names:
            # A name as it should be comes before one that only looks like it.
            if plain(name) not in self._by_plain or name == plain(name):
                self._by_plain[plain(name)] = name
        self._taken = set(self.own.values())

    def of(self, role: str, names: Iterable[str] | None = None) -> str | None:
        """A role's column: the spec's own, or the first of the role's names that no other role of the spec has."""
        if role in self.own:
            return self.own[role] if self.own[role] in self.names else None
        return next(iter(self.all(NAMES[role] if names is None else names)), None)

    def all(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are here, as the row spells them."""
        found = [self._by_plain[name] for name in names if name in self._by_plain]
        return [name for name in found if name not in self._taken]

    def all_names(self) -> list[str]:
        """Every column that the spec has given no role."""
        return [name for name in self.names if name not in self._taken]

    def question(self) -> dict[str, str]:
        """The columns of a prompt and of its answer; empty for none. Raises :class:`RowFault` where two could be."""
        prompt, answer = self.of("prompt", ()), self.of("completion", ())
        if ("prompt" in self.own and prompt is None) or ("completion" in self.own and answer is None):
            return {}
        pairs = []
        for question, answers in QUESTIONS.items():
            asked = [prompt] if prompt else self.all([question])
            for one in asked:
                pairs += [(one, two) for two in ([answer] if answer else self.all(answers)) if two != one]
        if prompt and answer:
            return {"prompt": prompt, "completion": answer}
        pairs = list(dict.fromkeys(pairs))
        if not pairs:
            return {}
        first = pairs[0][0]
        every = list(dict.fromkeys(two for one, two in pairs if one == first))
        answers_of_first = [two for two in every if plain(two) not in WEAK_ANSWERS] or every
        if len(answers_of_first) > 1:
            raise RowFault("two_answers", f"{_or(answers_of_first)} could be the answer to {first!r}")
        weak = {"input", "inputs", "context", "source", "src", "article", "document", "dialogue"}
        instruction = plain(first) == "instruction"
        others = [one for one, two in pairs if one != first and plain(one) not in weak]
        if others and not instruction and not prompt:
            raise RowFault("two_prompts", f"{_or([first, *dict.fromkeys(others)])} could be the prompt")
        return {"prompt": first, "completion": answers_of_first[0]}

    def prompt(self) -> str | None:
        """The column of a prompt, whatever its answers are called."""
        return self.of("prompt", PROMPTS)

    def beside(self, found: dict[str, str], roles: Iterable[str]) -> dict[str, str]:
        """The same columns, and those of other roles that are none of them."""
        taken = set(found.values())
        for role in roles:
            column = self.of(role)
            if column is not None and column not in taken:
                found[role] = column
                taken.add(column)
        return found

    def misspelt(self, found: Mapping[str, str]) -> list[str]:
        """The columns among these whose names have blanks around them."""
        own = set(self.own.values())
        return [name for name in found.values() if name != name.strip().strip("\ufeff") and name not in own]


def _or(names: Iterable[str]) -> str:
    return " or ".join(map(repr, names))
