"""Write a help desk's messages as somebody's export would have them, for the tutorial on texts.

Run it as `python examples/sample_messages.py FOLDER`. It writes

- `messages.csv`: `Ticket`, `Message`, and `Team`, who answered it; of a few the team was never noted;
- `answers.txt`: the desk's help page, a sentence a line;
- `asked.jsonl`: messages, each with the line of the help page that answered it.

The messages are those of the packaged sample of labelled texts; the same rows come out each time.
"""

import csv
import json
import sys
from importlib.resources import files
from pathlib import Path

#: What is said in a message, and what the help page has for it.
HELP = {
    "my parcel did not arrive": "A parcel that did not arrive is searched for by the carrier.",
    "the package is late": "A package that is late is on its way: wait for three days.",
    "where is my order": "The list of orders shows where each order is.",
    "the delivery was delayed": "The delay of a delivery is shown beside its date.",
    "the tracking shows nothing": "Tracking begins on the evening of the day of shipping.",
    "it was shipped to the old address": "The carrier sends on what went to an old address.",
    "you charged my card twice": "Of two charges of a card the second one is taken back.",
    "the invoice is wrong": "A wrong invoice is written anew by the accounts office.",
    "i want a refund": "A refund is asked for on the page of the order.",
    "the price on the bill changed": "The price on the bill is the one of the day of the order.",
    "i have not received my money back": "Money comes back within fourteen days.",
    "the payment was charged again": "A payment that was charged again is cancelled by the bank.",
    "i cannot log in": "To log in, allow cookies and type the address in small letters.",
    "my password does not work": "A password that does not work is replaced by a new one.",
    "the reset link is broken": "A reset link works once, for an hour.",
    "i am locked out": "Who is locked out waits for ten minutes.",
    "how do i change my email": "The email is changed in the settings.",
    "please delete my account and profile": "An account and its profile are deleted in the settings.",
    "the screen is broken": "A broken screen is repaired in the workshop.",
    "the phone stopped after a week": "A phone that stopped is exchanged within a year.",
    "the lamp fell off the table": "A lamp that fell is not covered by the warranty.",
    "the app does not start": "An app that does not start is installed again.",
    "a part is missing in the box": "A missing part is sent by post.",
    "the bottle came in the wrong color": "A thing in the wrong color is exchanged in the shop.",
}


def main() -> None:
    folder = Path(sys.argv[1])
    packaged = files("runner.data.labelled_texts") / "sample" / "messages.csv"
    rows = list(csv.DictReader(packaged.read_text("utf-8").splitlines()))
    with (folder / "messages.csv").open("w", encoding="utf-8", newline="") as file:
        export = csv.writer(file, lineterminator="\n")
        export.writerow(["Ticket", "Message", "Team"])
        for number, row in enumerate(rows, 1):
            export.writerow([f"T-{number:04}", row["text"], "" if number % 60 == 0 else row["label"]])
    (folder / "answers.txt").write_text("".join(f"{line}\n" for line in HELP.values()), "utf-8")
    with (folder / "asked.jsonl").open("w", encoding="utf-8") as lines:
        for row in rows:
            said = next(words for words in HELP if words in row["text"])
            lines.write(json.dumps({"question": row["text"], "answer": HELP[said]}) + "\n")
    print(f"{len(rows)} messages, {len(HELP)} lines of help")


if __name__ == "__main__":
    main()
