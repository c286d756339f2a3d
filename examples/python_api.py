"""Check a spec, train it, and ask and talk with the model, all from Python.

Run it as `python examples/python_api.py [FOLDER]`; runs and models are put into the folder, or a temporary one.
"""

import sys
import tempfile
from pathlib import Path

from runner import Runner
from runner.errors import ConflictError, SpecError

SPEC = {
    "model": {
        "name": "tutor",
        "spec": {
            "model_type": "sft",
            "base_model_name": "runner/tiny-llama",
            "max_length": 256,
            "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.003},
            "max_steps": 4,
        },
    },
    "data": {"dataset": "sample"},
    "batch_size": 8,
}


def main(folder: Path) -> None:
    """Go down every road once."""
    runner = Runner(root=folder)

    # Every fault at once, each with its place.
    try:
        runner.validate(SPEC | {"batch_size": 0, "epoch": 1})
    except SpecError as error:
        for fault in error.faults:
            print(f"{fault.pointer}: {fault.message}")

    # Events come while the run goes on.
    trained = runner.train(SPEC, executor="local", on_event=lambda event: print(event.event))
    print(trained.reference, trained.metrics["loss"], trained.folder)

    # Answers, in the order of what was asked.
    short = {"max_new_tokens": 8, "min_new_tokens": 4}
    for record in runner.infer(trained.reference, ["What is 12 + 7?", "Hi"], options=short).records:
        print(record["finish_reason"], repr(record["completion"]))

    # A conversation: pieces as they are made, and a history.
    session = runner.chat("sft/tutor", system="Be brief.", options=short)
    for piece in session.send("Hi"):
        print(piece, end="", flush=True)
    print(len(session.history), "turns")

    # What cannot be done is raised as a class of runner.errors.
    try:
        runner.resume()
    except ConflictError as error:
        print(error.message)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
