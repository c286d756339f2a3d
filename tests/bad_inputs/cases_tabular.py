"""Tables that nothing can be learnt from, and rows that a stored classifier cannot answer."""

from __future__ import annotations

from typing import Any

from tests.bad_inputs.case import LONG, Bench, Case

CLASSES = "tabular_classification"


def lines(rows: int = 24, header: str = "age,town,visit,y") -> list[str]:
    """A table whose three classes the age tells apart."""
    towns = ("Graz", "Linz", "Wien")
    return [header] + [f"{20 + n},{towns[n % 2]},{n % 4},{'abc'[n // 8 % 3]}" for n in range(rows)]


def text(changes: dict[int, str] | None = None, **more: Any) -> str:
    """The table as a CSV file, with some of its lines written otherwise; the header is line 1."""
    whole = lines(**more)
    for number, line in (changes or {}).items():
        whole[number - 1] = line
    return "\n".join(whole) + "\n"


def column(place: int, values: list[str]) -> str:
    """The table with one column's cells replaced, in turn."""
    rows = [line.split(",") for line in lines()]
    for number, row in enumerate(rows[1:]):
        row[place] = values[number % len(values)]
    return "".join(",".join(row) + "\n" for row in rows)


def document(data: dict[str, Any] | None = None, kind: str = CLASSES, **spec: Any) -> dict[str, Any]:
    """A good spec of the table."""
    settings = {"model_type": kind, "learner": {"learner_type": "linear"}, "importance_repeats": 0} | spec
    return {
        "model": {"name": "table", "spec": settings},
        "data": {"dataset": "rows.csv", "target_columns": "y"} | (data or {}),
        "run": {"executor": "local"},
    }


def table(name: str, content: Any, *says: str, spec: dict[str, Any] | None = None, **more: Any) -> Case:
    """A training on the file that the spec names; None lays none out."""

    def prepare(bench: Bench) -> None:
        bench.write("spec.json", spec or document())
        if content is not None:
            bench.write((spec or document())["data"]["dataset"], content)

    settings = {"code": 4, "words": ("train", "--spec-file", "spec.json"), "leaves": "failed"} | more
    return Case(name=f"table: {name}", says=says, prepare=prepare, **settings)


def seen(name: str, content: Any, *says: str, **more: Any) -> Case:
    """What a look at the file tells, before a run is made."""
    return table(name, content, *says, leaves=None, **more)


def slowly(name: str, content: Any, *says: str, **more: Any) -> Case:
    """What a worker tells that has to be started for it, like others that are tried in the quick tests."""
    return table(name, content, *says, marks=LONG, **more)


def misspelt(name: str, *says: str, **spec: Any) -> Case:
    """What the spec itself has wrong."""
    return table(name, text(), *says, spec=document(**spec), code=3, leaves=None)


def asked(name: str, code: int, rows: str, *says: str, model: str = "strict", words: tuple[str, ...] = ()) -> Case:
    """Rows for a stored classifier."""

    def prepare(bench: Bench) -> None:
        bench.furnish_tables()
        bench.write("rows.csv", rows)

    command = ("infer", "--model", f"{CLASSES}/{model}", "--input", "rows.csv", *words)
    return Case(name=f"table rows: {name}", code=code, words=command, says=says, prepare=prepare)


#: What the stored classifier of ``asked`` was trained with.
STORED = {"rows.csv": text(), "spec.json": document(unseen_categories="error") | {}}
STORED["spec.json"]["model"]["name"] = "strict"  # type: ignore[index]

CASES = [
    # The columns that the spec names, and those that the file has.
    seen("an unknown target, nearly named", text(header="age,town,visit,yy"), "rows.csv:1", "'y'", "did you mean 'yy'"),
    seen(
        "no target column", text(header="age,town,visit,outcome"), "rows.csv:1", "there is no column 'y'", "'outcome'"
    ),
    seen(
        "a group column that is not there",
        text(),
        "rows.csv:1",
        "no column 'patient'",
        spec=document({"group_column": "patient"}),
    ),
    seen(
        "a time column that is not there",
        text(),
        "rows.csv:1",
        "no column 'day'",
        spec=document({"time_column": "day"}),
    ),
    seen("a header with one name twice", text(header="age,town,age,y"), "rows.csv:1", "'age'"),
    seen(
        "a column with two meanings",
        text(),
        "/data/numerical_columns",
        "column 'age' is in",
        code=3,
        spec=document({"categorical_columns": ["age"], "numerical_columns": ["age"]}),
    ),
    seen(
        "the target as the rows' names",
        text(),
        "/data/id_column",
        "column 'y' is in target_columns and in id_column",
        code=3,
        spec=document({"id_column": "y"}),
    ),
    seen(
        "two ways of holding rows out",
        text(),
        "/data/time_column",
        "two ways of holding rows out",
        code=3,
        spec=document({"group_column": "town", "time_column": "age"}),
    ),
    seen(
        "a share of the rows beside a column that says which",
        text(),
        "spec.json:16:5: /data/validation_split",
        "has no effect: split_column says which rows are held out",
        code=3,
        spec=document({"split_column": "town", "validation_split": 0.2}),
    ),
    seen(
        "classes by their share beside groups",
        text(),
        "/data/stratify",
        "has no effect: group_column says which rows are held out",
        code=3,
        spec=document({"group_column": "town", "stratify": False}),
    ),
    seen(
        "counts of words where no text is hashed",
        text(),
        "/data/text_features",
        "has no effect: text is not hash",
        code=3,
        spec=document({"text_features": 8}),
    ),
    seen(
        "groups as an input",
        text(),
        "/data/categorical_columns",
        "column 'town' is in group_column and in categorical_columns",
        code=3,
        spec=document({"group_column": "town", "categorical_columns": ["town"]}),
    ),
    seen(
        "a date's format of a column of numbers",
        text(),
        "/data/date_format",
        "column 'age' is in numerical_columns and in date_format",
        code=3,
        spec=document({"numerical_columns": ["age"], "date_format": {"age": "%Y"}}),
    ),
    seen(
        "a delimiter for a packaged table",
        None,
        "/data/delimiter",
        "has no effect: the data is the packaged table iris",
        spec=document({"dataset": "iris", "target_columns": "target", "delimiter": ";"}),
    ),
    seen(
        "an encoding for Parquet",
        text(),
        "/data/encoding",
        "has no effect: the data is parquet",
        spec=document({"dataset": "rows.parquet", "encoding": "cp1252"}),
    ),
    seen(
        "the target as the rows' groups",
        text(),
        "/data/target_columns",
        "column 'y' is in group_column and in target_columns",
        code=3,
        spec=document({"group_column": "y"}),
    ),
    seen(
        "a date's directive that there is not",
        text(),
        "/data/date_format",
        "unknown directive %Q",
        code=3,
        spec=document({"date_format": {"town": "%d/%Q"}}),
    ),
    # The file.
    seen("no such file", None, "rows.csv: there is no such data file", code=5),
    seen("an empty file", "", "rows.csv: the file is empty"),
    seen("a spreadsheet", text(), "table.xlsx", "is a spreadsheet", spec=document({"dataset": "table.xlsx"})),
    seen(
        "a semicolon for a comma",
        text().replace(",", ";"),
        "rows.csv:1: the header is one column, 'age;town;visit;y'",
        "data.delimiter",
    ),
    table("a header and nothing else", text(rows=0), "/data/dataset: ", "rows.csv: there is no row in it"),
    seen(
        "a table that is not UTF-8",
        text({5: "23,Köln,3,a"}).encode("latin-1"),
        "rows.csv:5: not UTF-8",
        "data.encoding",
    ),
    slowly(
        "Parquet by its name alone",
        text(),
        "rows.parquet: not a whole Parquet file",
        spec=document({"dataset": "rows.parquet"}),
    ),
    # What the target has.
    table("one class", column(3, ["a"]), "/data/target_columns", "'y' has 1 class"),
    slowly(
        "no row with a target",
        column(3, [""]),
        "/data/max_rows_lost",
        "24 of 24 rows cannot be used",
        "missing_target 24",
    ),
    slowly("too few rows with a target", column(3, ["", "", "a", "", "b"]), "/data/max_rows_lost", "missing_target"),
    slowly(
        "a class for each row",
        "age,y\n" + "".join(f"{n},v{n}\n" for n in range(64)),
        "/data/target_columns",
        "64 different values in 64 rows",
    ),
    slowly(
        "words for a number",
        text(),
        "rows.csv:2",
        "the target 'y' has 'a', which is not a number",
        "tabular_classification",
        spec=document(kind="tabular_regression"),
    ),
    slowly(
        "numbers that are all infinite",
        column(3, ["inf"]),
        "/data/max_rows_lost",
        "infinite_target 24",
        spec=document(kind="tabular_regression"),
    ),
    # What the inputs have.
    table(
        "words in a column of numbers",
        text(),
        "rows.csv:2",
        "column 'town' has 'Graz', which is not a number",
        spec=document({"numerical_columns": ["town"]}),
    ),
    slowly(
        "a column of texts",
        column(1, [f"a long and winding story of number {n} by {n * 7}" for n in range(24)]),
        "/data/text",
        "column 'town' looks like texts",
        '"ignored_columns": ["town"]',
    ),
    slowly(
        "dates that may be read two ways",
        column(1, ["01/02/2024", "03/04/2024", "05/06/2024"]),
        "/data/date_format",
        "column 'town'",
        "%d/%m/%Y",
    ),
    slowly("a decimal comma", column(1, ['"1,5"', '"2,25"', '"7,125"']), "rows.csv:2", "decimal comma", "data.decimal"),
    slowly(
        "nothing to predict from",
        "".join(f"1,{'ab'[n % 2]}\n" if n else "age,y\n" for n in range(20)),
        "no column is left to predict from",
        "'age' is 1 in every row",
        spec=document({"validation_split": 0}),
    ),
    # How rows are held out, and how the learner is set.
    slowly(
        "more folds than moments",
        text(),
        "/model/spec/folds",
        "can be divided into 2 parts, not into 5",
        spec=document({"time_column": "visit"}, folds=5),
    ),
    table(
        "more folds than rows",
        text(rows=12),
        "/model/spec/folds",
        "can be divided into 6 parts, not into 20",
        spec=document(folds=20),
    ),
    table(
        "weights for a class that is none",
        text(),
        "/model/spec/class_weights",
        "no class 'd'",
        "'a', 'b', 'c'",
        spec=document(class_weights={"d": 2.0}),
    ),
    misspelt(
        "a learner that is misspelt",
        "/model/spec/learner",
        'did you mean "xgboost"',
        learner={"learner_type": "xgbost"},
    ),
    misspelt(
        "fewer trees than none",
        "/model/spec/learner/n_estimators",
        "-3",
        learner={"learner_type": "xgboost", "n_estimators": -3},
    ),
    misspelt("one fold", "/model/spec/folds", folds=1),
    # Rows to be answered.
    asked("a column missing", 4, "age,visit\n30,1\n", "'town'"),
    asked("a word for a number", 4, text({3: "old,Linz,1,a"}), "3", "column 'age' has 'old', which is not a number"),
    asked(
        "a category that training did not have", 4, text({3: "30,Rom,1,a"}), "'Rom' (1)", "was trained to refuse them"
    ),
    asked("an empty file", 4, "", "rows.csv"),
    asked("a header and nothing else", 4, text(rows=0), "rows.csv", "there is no row in it"),
    asked("a row with a cell too many", 4, text({3: "30,Linz,1,a,7"}), "rows.csv:3"),
    asked(
        "a threshold for three classes",
        2,
        text(),
        "a threshold decides between two classes",
        "3 of 'y'",
        words=("--set", "threshold=0.4"),
    ),
    asked(
        "an option that there is not", 2, text(), "probabilites", "probabilities", words=("--set", "probabilites=true")
    ),
    asked("a flag that is nearly an option", 2, text(), "--probabilites", "--probabilities", words=("--probabilites",)),
    asked("a flag without its value", 2, text(), "--top-k", "has no value", words=("--top-k",)),
    asked("an option for LLMs", 2, text(), "--models-to-score", words=("--models-to-score", "ada")),
    asked("a model that is not there", 5, text(), "tabular_classification/strikt", "strict", model="strikt"),
]
