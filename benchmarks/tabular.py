"""What the tabular kinds give and cost, over a plain script of the same library on the same rows.

    python benchmarks/tabular.py [--data FOLDER] [--learners xgboost random_forest linear]
    python benchmarks/tabular.py --memory [--rows 2000000] [--cap 6]

Tables are those that scikit-learn brings along and, with ``--data``, the penguins and the films there; each is split in
two files, 3 to 1. The plain script reads them with pandas and fits the library with the same parameters: XGBoost with
its own categories, scikit-learn behind an imputer and a one-hot encoder. ``fit`` is the fit alone, on arrays in memory
and with both in one process; ``command`` and ``script`` are whole processes, of which `runner train` also fits the
baselines, measures with intervals, and stores a checked model. Scores are accuracy, or the root mean squared error.

``--memory`` trains on a generated Parquet file and says the greatest memory of any process of it, with a cap in GiB
that ends the benchmark with 1 where it is passed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
SEED = 3
#: The same in both: without early stopping, which would take rows away from one of them.
PARAMETERS: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 200, "learning_rate": 0.1, "max_depth": 6},
    "random_forest": {"n_estimators": 200},
    "linear": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of tabular_penguins.csv and tabular_bechdel_movies.csv")
    parser.add_argument("--tables", nargs="+", help="only these")
    parser.add_argument("--learners", nargs="+", default=list(PARAMETERS), choices=list(PARAMETERS))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--cap", type=float, default=6.0)
    parser.add_argument("--bare", nargs=3, metavar=("LEARNER", "FOLDER", "TARGET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        learner, folder, target = arguments.bare
        print(json.dumps(bare(learner, Path(folder), target)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.memory:
            sys.exit(memory(Path(folder), arguments.rows, arguments.cap))
        compare(Path(folder), arguments.learners, arguments.data, arguments.tables)


# The tables.


def tables(data: Path | None) -> dict[str, tuple[pd.DataFrame, str]]:
    """Name -> table and target; a target of numbers is a regression."""
    from sklearn import datasets

    found: dict[str, tuple[pd.DataFrame, str]] = {}
    for name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        if name != "diabetes":
            frame["target"] = "class " + frame["target"].astype(str)
        found[name] = (frame, "target")
    if data is not None:
        penguins = pd.read_csv(data / "tabular_penguins.csv")
        found["penguins"] = (penguins.dropna(subset=["species"]), "species")
        films = pd.read_csv(data / "tabular_bechdel_movies.csv")
        numbers = [name for name in films.columns if films[name].dtype.kind in "if"]
        found["films"] = (films[[*numbers, "binary"]].dropna(subset=["binary"]), "binary")
    return found


def halves(frame: pd.DataFrame, folder: Path) -> None:
    """Write ``train.csv`` and ``held.csv``."""
    folder.mkdir()
    order = np.random.default_rng(SEED).permutation(len(frame))
    cut = len(frame) * 3 // 4
    frame.iloc[order[:cut]].to_csv(folder / "train.csv", index=False)
    frame.iloc[order[cut:]].to_csv(folder / "held.csv", index=False)


# The plain script.


def plain_model(learner: str, regression: bool, frame: pd.DataFrame) -> Any:
    """The library's own, unfitted."""
    if learner == "xgboost":
        import xgboost as xgb

        made = xgb.XGBRegressor if regression else xgb.XGBClassifier
        return made(**PARAMETERS[learner], tree_method="hist", enable_categorical=True, n_jobs=THREADS, random_state=42)
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in frame.columns if frame[name].dtype.kind in "if"]
    words = [name for name in frame.columns if name not in numbers]
    if learner == "linear":
        model = Ridge() if regression else LogisticRegression(max_iter=1000)
        filled: Any = make_pipeline(SimpleImputer(), StandardScaler())
    else:
        forest = RandomForestRegressor if regression else RandomForestClassifier
        model, filled = forest(**PARAMETERS[learner], n_jobs=THREADS, random_state=42), SimpleImputer()
    return make_pipeline(
        make_column_transformer((filled, numbers), (OneHotEncoder(handle_unknown="ignore"), words)), model
    )


def read(folder: Path, target: str) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, pd.Series]:
    train, held = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "held.csv")
    for name in train.columns:
        if name != target and train[name].dtype.kind not in "if":
            kinds = pd.CategoricalDtype(sorted(train[name].dropna().unique()))
            train[name], held[name] = train[name].astype(kinds), held[name].astype(kinds)
    return train.drop(columns=target), train[target], held.drop(columns=target), held[target]


def bare(learner: str, folder: Path, target: str) -> dict[str, float]:
    """Fit and score, as a script would."""
    x, y, held_x, held_y = read(folder, target)
    regression = y.dtype.kind == "f"
    names = sorted(y.unique())
    model = plain_model(learner, regression, x).fit(x, y if regression else y.map(names.index))
    said = model.predict(held_x)
    if regression:
        return {"score": float(np.sqrt(((said - held_y) ** 2).mean())), "dummy": float((held_y - y.mean()).std(ddof=0))}
    usual = y.mode()[0]
    return {
        "score": float((np.array(names)[said] == held_y).mean()),
        "dummy": float((held_y == usual).mean()),
    }


# Both, beside each other.


def compare(folder: Path, learners: list[str], data: Path | None, only: list[str] | None) -> None:
    print("| table | learner | score | plain script | dummy | fit | command | script |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (frame, target) in tables(data).items():
        if only and name not in only:
            continue
        halves(frame, folder / name)
        for learner in learners:
            ours, seconds = train(folder / name, target, learner, frame[target].dtype.kind == "f")
            began = time.perf_counter()
            words = [sys.executable, __file__, "--bare", learner, str(folder / name), target]
            plain = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            script = time.perf_counter() - began
            print(
                f"| {name} | {learner} | {ours:.4f} | {plain['score']:.4f} | {plain['dummy']:.4f} "
                f"| {fits(folder / name, target, learner):.2f}x | {seconds:.1f} s | {script:.1f} s |",
                flush=True,
            )


def train(folder: Path, target: str, learner: str, regression: bool) -> tuple[float, float]:
    """Our score on the held-out rows, and the seconds of the whole command."""
    kind = "tabular_regression" if regression else "tabular_classification"
    section: dict[str, Any] = {"learner_type": learner, **PARAMETERS[learner]}
    if learner == "xgboost":
        section |= {"early_stopping": None}
    spec = {
        "model": {"name": "bench", "spec": {"model_type": kind, "learner": section, "importance_repeats": 0}},
        "data": {
            "dataset": str(folder / "train.csv"),
            "validation_data": str(folder / "held.csv"),
            "target_columns": target,
        },
    }
    document, seconds = run(folder, spec)
    return document["metrics"]["rmse" if regression else "accuracy"], seconds


def run(folder: Path, spec: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """``runner train`` of a spec, in a home of its own: its document, and its seconds."""
    (folder / "spec.json").write_text(json.dumps(spec))
    environment = os.environ | {"RUNNER_HOME": str(folder / "home"), "WANDB_MODE": "disabled"}
    words = [
        sys.executable,
        "-m",
        "runner",
        "train",
        "--spec-file",
        str(folder / "spec.json"),
        "--executor",
        "local",
        "--json",
    ]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=folder)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr[-4000:] + done.stdout[-2000:])
    return json.loads(done.stdout), seconds


def fits(folder: Path, target: str, learner: str) -> float:
    """The time of our fit over the library's, on the same arrays: the least of seven each, interleaved."""
    from runner.builders.tabular._learners import make_learner

    x, y, _, _ = read(folder, target)
    regression = y.dtype.kind == "f"
    names = sorted(y.unique())
    targets = y.to_numpy() if regression else y.map(names.index).to_numpy()
    coded = np.column_stack(
        [x[c].cat.codes.where(x[c].notna()) if x[c].dtype == "category" else x[c] for c in x.columns]
    ).astype(np.float32)
    categorical = [place for place, c in enumerate(x.columns) if x[c].dtype == "category"]

    def ours() -> None:
        task = "regression" if regression else "classification"
        classes = None if regression else len(names)
        made = make_learner(learner, PARAMETERS[learner], task, classes, 42, "cpu", THREADS)
        made.fit(coded, targets, categorical=categorical)

    def theirs() -> None:
        plain_model(learner, regression, x).fit(x, targets)

    taken: dict[Callable[[], None], list[float]] = {ours: [], theirs: []}
    for turn in range(8):
        for what, seconds in taken.items():
            began = time.perf_counter()
            what()
            # The first of each loads and warms up.
            if turn:
                seconds.append(time.perf_counter() - began)
    return min(taken[ours]) / min(taken[theirs])


# Memory.


def memory(folder: Path, rows: int, cap: float) -> int:
    """Train on a generated Parquet file of 17 numbers and 3 categories."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    path = folder / "rows.parquet"
    writer = None
    for start in range(0, rows, 100_000):
        size = min(100_000, rows - start)
        columns: dict[str, Any] = {f"x{place}": rng.normal(size=size).astype(np.float32) for place in range(17)}
        columns |= {f"c{place}": np.array(list("abcdefgh"))[rng.integers(0, 8, size)] for place in range(3)}
        columns["y"] = np.where(columns["x0"] + columns["x1"] * columns["x2"] + rng.normal(size=size) > 0, "yes", "no")
        batch = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, batch.schema)
        writer.write_table(batch)
    assert writer is not None
    writer.close()
    section = {"learner_type": "xgboost", "n_estimators": 20}
    spec = {
        "model": {
            "name": "bench",
            "spec": {"model_type": "tabular_classification", "learner": section, "importance_repeats": 1},
        },
        "data": {"dataset": str(path), "target_columns": "y"},
    }
    document, seconds = run(folder, spec)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(
        f"{rows} rows, {path.stat().st_size / 2**20:.0f} MiB of Parquet: {seconds:.0f} s, "
        f"{peak:.2f} GiB at most (cap {cap:g}), accuracy {document['metrics']['accuracy']:.4f}"
    )
    return int(peak > cap)


if __name__ == "__main__":
    main()
