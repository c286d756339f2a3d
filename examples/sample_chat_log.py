"""Write a help desk's chat log as somebody's export would have it, for the tutorial on language models.

It is a CSV file whose column `Dialogue` has the turns as JSON text, each with `speaker` (customer or clerk) and `said`.
Run it as `python examples/sample_chat_log.py desk.csv`; the same words come out each time.
"""

import csv
import json
import random
import sys
from pathlib import Path

THINGS = ("order", "parcel", "refund", "invoice", "voucher", "return", "gift card", "subscription")
OPENINGS = ("Hi, ", "Hello, ", "Good morning, ", "")
QUESTIONS = {
    "where is my {thing} {number}?": "Your {thing} is on its way.",
    "please cancel my {thing} {number}.": "Your {thing} is cancelled.",
    "can I change my {thing} {number}?": "Your {thing} can be changed until noon.",
}
CHATS = 240


def chat(rng: random.Random) -> list[dict[str, str]]:
    """One dialogue: a question and its answer, and now and then a thank-you and its answer."""
    words = {"thing": rng.choice(THINGS), "number": str(rng.randrange(1000, 10000))}
    question, answer = rng.choice(list(QUESTIONS.items()))
    asked = rng.choice(OPENINGS) + question.format(**words)
    turns = [("customer", asked[0].upper() + asked[1:]), ("clerk", answer.format(**words))]
    if rng.random() < 0.3:
        turns += [("customer", "Thanks!"), ("clerk", "Happy to help.")]
    return [{"speaker": speaker, "said": said} for speaker, said in turns]


def main() -> None:
    target = Path(sys.argv[1])
    rng = random.Random(0)
    with target.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Ticket", "Dialogue"])
        for ticket in range(1, CHATS + 1):
            turns = chat(rng)
            if ticket % 60 == 0:
                # The clerk never answered.
                turns = turns[:1]
            rows.writerow([f"T-{ticket:04}", json.dumps(turns, ensure_ascii=False)])
    print(f"{target}: {CHATS} dialogues")


if __name__ == "__main__":
    main()
