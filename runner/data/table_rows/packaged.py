"""The small tables that come with scikit-learn, read from its files, without importing it and without a network."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

from runner.errors import EnvironmentProblem


class _Source(NamedTuple):
    files: tuple[str, ...]
    columns: tuple[str, ...]
    #: What the numbers of the last column stand for, or nothing where it is a quantity.
    classes: tuple[str, ...] = ()


_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points", "symmetry",
    "fractal_dimension",
)  # fmt: skip
_SOURCES = {
    "iris": _Source(
        ("iris.csv",),
        ("sepal_length", "sepal_width", "petal_length", "petal_width"),
        ("setosa", "versicolor", "virginica"),
    ),
    "wine": _Source(
        ("wine_data.csv",),
        (
            "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
            "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_od315", "proline",
        ),
        ("class_0", "class_1", "class_2"),
    ),
    "breast_cancer": _Source(
        ("breast_cancer.csv",),
        tuple(f"{part}_{measure}" for part in ("mean", "error", "worst") for measure in _MEASURES),
        ("malignant", "benign"),
    ),
    "diabetes": _Source(
        ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
        ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    ),
}  # fmt: skip
#: The names; the target of each is the column ``target``.
NAMES = tuple(_SOURCES)


def columns(name: str) -> dict[str, list[Any]]:
    """A packaged table's columns. Raises :class:`EnvironmentProblem` where scikit-learn is not installed."""
    source = _SOURCES[name]
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise EnvironmentProblem(
            f"the packaged table {name} comes with scikit-learn, which is not installed here",
            where="/data/dataset",
            hint="pip install 'runner[train]', or run in a container: --executor docker",
        )
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "data"
    if not source.classes:
        rows = [line.split() for line in _lines(folder / source.files[0])]
        targets = [float(line) for line in _lines(folder / source.files[1])]
        table = {column: [float(row[at]) for row in rows] for at, column in enumerate(source.columns)}
        return table | {"target": targets}
    # The first line counts the rows and names the classes.
    rows = [line.split(",") for line in _lines(folder / source.files[0])[1:]]
    table = {column: [float(row[at]) for row in rows] for at, column in enumerate(source.columns)}
    return table | {"target": [source.classes[int(row[-1])] for row in rows]}


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return [line for line in text.splitlines() if line.strip()]
