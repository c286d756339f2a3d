"""Language models that answer many at once: completers of tokens and of messages, streamed, in threads and coroutines.

    from runner.generation import Engine, MessageCompleter

    with Engine.open("sft/tutor") as engine:
        tutor = MessageCompleter(engine, max_new_tokens=64, temperature=0.7)
        print(tutor.complete("What is 12 + 7?").text)
        for piece in tutor.start("Tell me more."):
            print(piece, end="", flush=True)

Requests join and leave a running batch between two tokens, each with its own options and its own seed.
"""

from __future__ import annotations

from runner.generation.engine import Engine
from runner.generation.message_completer import Answer, MessageCompleter
from runner.generation.reply import Reply
from runner.generation.token_completer import TokenCompleter, TokenCompletion

__all__ = ["Answer", "Engine", "MessageCompleter", "Reply", "TokenCompleter", "TokenCompletion"]
