"""Ask a model many things at once: batches, streams, coroutines, chats, tokens.

Run it as `python examples/completers.py [MODEL]`; the model is a stored one (sft/tutor), a Hub name or a folder.
"""

import asyncio
import sys

from runner.generation import Engine, MessageCompleter, TokenCompleter

QUESTIONS = ["What is 12 + 7?", "Reverse the word 'stone'.", "Name the capital of France."]


async def stream(completer: MessageCompleter, asked: str) -> int:
    """Read an answer as it is made; how many pieces it came in."""
    return len([piece async for piece in completer.start(asked)])


async def together(completer: MessageCompleter) -> list[int]:
    """Several streams at once: their rows share a batch."""
    return await asyncio.gather(*(stream(completer, asked) for asked in QUESTIONS))


def main(model: str) -> None:
    """Go down every road once."""
    with Engine.open(model, rows=8) as engine:
        completer = MessageCompleter(engine, max_new_tokens=12)

        # A batch, in the order of what was asked.
        for asked, answer in zip(QUESTIONS, completer.complete_all(QUESTIONS), strict=True):
            print(asked, repr(answer.text), answer.finish_reason)

        # Drawn, each by a seed of its own.
        drafts = completer.samples(QUESTIONS[0], 3, temperature=1.0)
        print(len({draft.text for draft in drafts}), "drafts")

        print("pieces:", asyncio.run(together(completer)))

        # A long answer, given up.
        reply = completer.start("Go on.", max_new_tokens=500, min_new_tokens=500)
        next(iter(reply))
        reply.cancel()
        print(reply.result().finish_reason)

        session = completer.chat(system="Be brief.")
        print(repr(session.send("Hi").text), len(session.history), "turns")

        # Token ids, with their log-probabilities.
        tokens = TokenCompleter(engine, max_new_tokens=4)
        made = tokens.complete(engine.tokenizer("12 + 7 =")["input_ids"])
        print(made.tokens, [round(value, 3) for value in made.log_probs])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runner/tiny-llama")
