"""The forms that outcome matrices are published in, and telling one by its columns and by some of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from runner import near_names
from runner.data.outcomes import outcome_values
from runner.data.outcomes.outcome_fields import OutcomeColumns, Outcomes
from runner.errors import DataError

#: Roles of a wide form's row, and of each LLM in it.
ROW, CELL = ("prompt", "group"), ("score", "cost", "prompt_tokens", "completion_tokens", "latency", "response")
GROUPS = ("group", "eval_name", "benchmark", "category", "dataset", "task", "kind")
#: What a table of True and False may have beside its LLMs, to be taken for one.
BESIDE = {*GROUPS, "", "id", "index", "sample_id", "prompt_id", "split", "source", "subject", "unnamed:_0"}


@dataclass(frozen=True)
class Form:
    """One published form."""

    name: str
    #: What it is, for messages.
    told: str
    shape: Literal["wide", "long", "folder", "arrays"]
    #: Role -> the spellings of its column, the first of which is the published one.
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Of a wide form: what follows an LLM's name in a column, by role.
    endings: Mapping[str, str] = field(default_factory=dict)
    #: Whether a prompt may be a list as Python writes it.
    listed: bool = False

    @property
    def may_name(self) -> set[str]:
        """The roles whose columns a spec may name."""
        if self.shape in ("folder", "arrays"):
            return set()
        return set(self.roles) | ({"models"} if self.name in ("wide", "routellm") else set())


SLASHED = {role: f"/{role}" for role in CELL}
#: What a wide table has that Not Diamond's has not.
MORE = tuple(ending for role, ending in SLASHED.items() if role not in ("score", "response"))
FORMS = {
    form.name: form
    for form in (
        Form(
            "routerbench", "RouterBench's wide table", "wide", {"prompt": ("prompt",), "group": GROUPS},
            {"score": "", "response": "|model_response", "cost": "|total_cost"}, listed=True,
        ),
        Form("llmrouterbench", "LLMRouterBench's folder of results", "folder"),
        Form(
            "notdiamond", "Not Diamond's table", "wide", {"prompt": ("prompt", "query"), "group": GROUPS},
            {"score": "/score", "response": "/response"},
        ),
        Form(
            "vllm_sr", "vLLM Semantic Router's rows", "long",
            {
                "prompt": ("query",), "model": ("model_name",), "score": ("performance",), "group": ("category",),
                "latency": ("response_time",), "response": ("response",), "cost": ("cost",),
                "prompt_tokens": ("prompt_tokens",), "completion_tokens": ("completion_tokens", "token_num"),
            },
        ),
        Form(
            "embedllm", "EmbedLLM's correctness table", "long",
            {
                "prompt": ("prompt",), "model": ("model_name", "model_id"), "score": ("label",),
                "group": ("category", "category_id"),
            },
        ),
        Form("routereval", "RouterEval's arrays", "arrays"),
        Form("routellm", "RouteLLM's table of True and False", "wide", {"prompt": ("prompt",), "group": GROUPS}),
        Form(
            "long", "a row for each prompt and LLM", "long",
            {
                "prompt": ("prompt", "query", "question"), "model": ("model", "model_name", "llm"),
                "score": ("score", "performance", "correct"), "group": GROUPS, "cost": ("cost", "total_cost"),
                "prompt_tokens": ("prompt_tokens", "input_tokens"),
                "completion_tokens": ("completion_tokens", "output_tokens"),
                "latency": ("latency", "response_time"), "response": ("response", "answer", "prediction"),
                "history": ("history",),
            },
        ),
        Form(
            "wide", "a row for each prompt", "wide", {"prompt": ("prompt", "query", "question"), "group": GROUPS},
            SLASHED,
        ),
    )
}  # fmt: skip
#: Long forms that are known by the published names of their columns.
SPECIAL = ("vllm_sr", "embedllm")
#: Without one of these a form cannot be read.
NEEDED = ("prompt", "model", "score")


@dataclass(frozen=True)
class Sparse:
    """That a file may have the outcomes of one LLM alone, which need not be a matrix to compare it with others."""

    #: The LLM that the rows of a long form are of, where no column names it.
    llm: str | None = None


@dataclass(frozen=True)
class Reading:
    """A form, and where in the file its roles are."""

    form: Form
    #: Role -> column.
    columns: dict[str, str]
    #: Of a wide form: LLM -> role -> column.
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Of a long form without a column that names the LLM: the LLM.
    llm: str | None = None

    @property
    def wanted(self) -> list[str]:
        """The columns that are read."""
        return [*self.columns.values(), *(column for cells in self.models.values() for column in cells.values())]


def told_by(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    options: Outcomes,
    where: str,
    sparse: Sparse | None = None,
) -> Reading | None:
    """The form that a file's columns and first rows are in, None for none.

    With ``sparse`` a file of one LLM is one too. Raises :class:`DataError` for RouterArena's data, and for what the
    spec says of the form or its columns and the file does not have.
    """
    _refuse_routerarena(columns, where)
    if options.format != "auto":
        return _as(FORMS[options.format], columns, rows, options, where, sparse)
    if compares(columns):
        return None
    named = options.columns
    for form in (FORMS[name] for name in ("routerbench", *SPECIAL, "notdiamond", "wide", "long", "routellm")):
        # Who names columns has not got just those of a published table.
        if named is not None and (form.name in SPECIAL or not _named(named) <= form.may_name):
            continue
        found = _reading(form, columns, rows, named, sparse)
        if found is not None and _whole(found, columns, sparse):
            _check_columns(form, columns, named, where)
            _check_roles(found, where)
            return found
    if named is not None:
        _check_columns(None, columns, named, where)
    return None


def compares(columns: Sequence[str]) -> bool:
    """Whether the columns are those of comparisons, whatever else is there."""
    plain = {_plain(name) for name in columns}
    return plain.issuperset(("model_a", "model_b")) or bool(plain & {"conversation_a", "conversation_b"})


def _as(
    form: Form,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    options: Outcomes,
    where: str,
    sparse: Sparse | None,
) -> Reading:
    """The file read as a form that the spec names. Raises :class:`DataError` for what it lacks."""
    named = options.columns
    if named is not None:
        _check_named(form, named)
        _check_columns(form, columns, named, where)
    found = _reading(form, columns, rows, named, sparse)
    missing = _missing(form, found)
    if found is None or missing or (form.shape == "wide" and len(found.models) < _fewest(sparse)):
        lacking = f"no column for {' and '.join(missing)}" if missing else "no two columns of LLMs' scores"
        roles = ", ".join(f'"{role}": "..."' for role in missing) or '"models": ["...", "..."]'
        raise DataError(
            f"is not {form.told}: {lacking}",
            where=where,
            hint=f"there are: {', '.join(map(str, columns))}; name yours in the spec's data.outcomes.columns, "
            f"such as {{{roles}}}",
        )
    _check_roles(found, where)
    return found


def _reading(
    form: Form,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    named: OutcomeColumns | None,
    sparse: Sparse | None,
) -> Reading | None:
    """Where a form's roles are, as far as they are there; None where a wide form has no LLM."""
    places = {_plain(name): name for name in reversed(columns)}
    found = {}
    for role, spellings in form.roles.items():
        given = getattr(named, role, None) if named is not None else None
        column = given or next((places[word] for word in spellings if word in places), None)
        if column is not None:
            found[role] = column
    if form.shape == "long":
        return Reading(form, found, llm=None if sparse is None or "model" in found else sparse.llm)
    if named is not None and named.models is not None:
        models = {name: _cells(name, form if form.name == "wide" else None, columns) for name in named.models}
    elif form.name == "routellm":
        models = {name: {"score": name} for name in _true_or_false(columns, rows) if name not in found.values()}
        if len(models) == 1 and _plain(next(iter(models))) in FORMS["long"].roles["score"]:
            # A column of right and wrong answers that is named after no LLM.
            return None
    else:
        models = _by_endings(form, columns)
    return Reading(form, found, models) if models else None


def _fewest(sparse: Sparse | None) -> int:
    return 2 if sparse is None else 1


def _missing(form: Form, found: Reading | None) -> list[str]:
    """The roles that a form cannot do without, and the file lacks."""
    columns = found.columns if found is not None else {}
    told = {"model"} if found is not None and found.llm is not None else set()
    return [role for role in NEEDED if role in form.roles and role not in columns and role not in told]


def _whole(found: Reading, columns: Sequence[str], sparse: Sparse | None) -> bool:
    """Whether it is surely that form: every role that it cannot do without, and the marks that others lack."""
    form = found.form
    if _missing(form, found):
        return False
    plain = {_plain(name) for name in columns}
    if form.name == "embedllm":
        return "prompt_id" in plain or "model_id" in plain
    if form.name == "notdiamond":
        more = any(str(name).endswith(MORE) for name in columns)
        return len(found.models) >= _fewest(sparse) and not more and all("/" in name for name in found.models)
    if form.name == "routellm" and plain - {_plain(name) for name in found.wanted} - BESIDE:
        # A table of something else that has two columns of True and False.
        return False
    return form.shape == "long" or len(found.models) >= _fewest(sparse)


def _by_endings(form: Form, columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """LLM -> role -> column, by what the columns' names end in."""
    present = set(columns)
    others = {role: ending for role, ending in form.endings.items() if ending}
    if form.endings.get("score") == "":
        # RouterBench: an LLM's name alone is its score, known by a column that goes on.
        names = [name for name in columns if any(name + ending in present for ending in others.values())]
    else:
        names = [name.removesuffix(form.endings["score"]) for name in columns if name.endswith(form.endings["score"])]
    return {name: _cells(name, form, columns) for name in names if name}


def _cells(name: str, form: Form | None, columns: Sequence[str]) -> dict[str, str]:
    if form is None or (form.name == "wide" and name in columns):
        beside = {role: name + ending for role, ending in SLASHED.items() if role != "score" and form is not None}
        return {"score": name} | {role: column for role, column in beside.items() if column in columns}
    return {role: name + ending for role, ending in form.endings.items() if name + ending in columns}


def _true_or_false(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that say True or False wherever they say anything."""
    found = []
    for name in columns:
        said = {outcome_values.says_truth(row.get(name)) for row in rows} - {None}
        if said == {True}:
            found.append(name)
    return found


def _named(named: OutcomeColumns) -> set[str]:
    return {role for role in type(named).model_fields if getattr(named, role) is not None}


def _check_named(form: Form, named: OutcomeColumns) -> None:
    """Raise :class:`DataError` for a role that the form has no use for."""
    useless = sorted(_named(named) - form.may_name)
    if useless:
        raise DataError(
            f"{useless[0]} is no column of {form.told} that can be named",
            where=f"/data/outcomes/columns/{useless[0]}",
            hint=f"take it out, or choose another format than {form.name}",
        )


def _check_columns(form: Form | None, columns: Sequence[str], named: OutcomeColumns | None, where: str) -> None:
    """Raise :class:`DataError` for a named column that is not there."""
    if named is None:
        return
    for role in sorted(_named(named)):
        value = getattr(named, role)
        for name in value if isinstance(value, list) else [value]:
            slashed = form is not None and form.name == "wide" and role == "models" and f"{name}/score" in columns
            if name not in columns and not slashed:
                raise DataError(
                    f"there is no column {name!r}, which data.outcomes.columns.{role} names",
                    where=where,
                    hint=near_names.hint(name, map(str, columns), f"there are: {', '.join(map(str, columns))}"),
                )


def _check_roles(found: Reading, where: str) -> None:
    """Raise :class:`DataError` for a column that the spec names for one role, and that has another by its name."""
    taken: dict[str, str] = {}
    cells = ((f"score of {model}", roles["score"]) for model, roles in found.models.items())
    for role, column in (*found.columns.items(), *cells):
        if (other := taken.setdefault(column, role)) != role:
            raise DataError(
                f"the column {column!r} has two roles: {other} and {role}",
                where=where,
                hint="name a column of its own for each in data.outcomes.columns, or give this one another name in the "
                "file",
            )


def _refuse_routerarena(columns: Sequence[str], where: str) -> None:
    plain = {_plain(name) for name in columns}
    if "global_index" in plain and plain & {"prediction", "generated_result", "question", "prompt_formatted"}:
        raise DataError(
            "this is RouterArena's data, and its rules forbid to train on it: it is there to measure routers",
            where=where,
            hint="train on other outcomes, and hand RouterArena what the router chooses for its prompts",
        )


def _plain(name: str) -> str:
    return "_".join(str(name).casefold().replace("-", " ").replace("_", " ").split())
