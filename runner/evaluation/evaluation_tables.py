"""An evaluation as tables: for a terminal, as Markdown, and as one page that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract import Table
from runner.contract.foreign_code import CUT_SHORT
from runner.contract.quantities import counted
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, tag, tree
from runner.pages.page import whole_page
from runner.pages.style import CSS
from runner.pages.table_markdown import as_markdown
from runner.pages.table_page import as_html
from runner.pages.table_text import as_text
from runner.tasks.generation.scored.scored_task import lines_told

INTERVALS = (
    "95 % intervals: Wilson's of shares, of a bootstrap elsewhere. Unread: nothing that the metric reads was there."
)
PAIRED = (
    "Paired by sample: own less baseline, with its 95 % interval; won are the samples on which the model is better."
)


def tables_of(task: Mapping[str, Any]) -> list[Table]:
    """The tables of one task: figures, and differences where there are several models."""
    dropped = sum(task["data"]["rows_dropped"].values())
    lost = {each["model"]: dropped + sum(each["rows_dropped"].values()) for each in task["models"]}
    several = len({row["model"] for row in task["results"]}) > 1
    metrics = list(dict.fromkeys(row["metric"] for row in task["results"]))
    ordered = sorted(task["results"], key=lambda row: metrics.index(row["metric"])) if several else task["results"]
    rows = [
        [
            *(row[name] for name in ("metric", "model", "value", "low", "high", "standard_error", "n")),
            lost[row["model"]],
            *(row[name] for name in ("unread", "truncated")),
        ]
        for row in ordered
    ]
    columns: tuple[str, ...] = (
        "metric",
        "model",
        "value",
        "low",
        "high",
        "std. error",
        "n",
        "dropped",
        "unread",
        "cut",
    )
    found = [Table(task["name"], task["name"], columns, rows, note=INTERVALS)]
    names = ("metric", "model", "baseline", "difference", "low", "high", "wins", "ties", "losses")
    pairs = [[row[name] for name in names] for row in task["comparisons"] if "refused" not in row]
    if pairs:
        columns = (*names[:6], "won", "tied", "lost")
        found.append(Table(f"{task['name']}_pairs", f"{task['name']}: differences", columns, pairs, note=PAIRED))
    return found


def suite_table(suite: Mapping[str, Any]) -> Table:
    """The figures of a public suite, as lm-evaluation-harness gives them."""
    columns = ("task", "metric", "model", "value", "std. error", "n")
    names = ("task", "metric", "model", "value", "standard_error", "n")
    rows = [[row[name] for name in names] for each in suite["models"] for row in each["results"]]
    note = f"By lm-evaluation-harness {suite['models'][0]['lm_eval']}; models go on with texts."
    return Table(suite["name"], suite["name"], columns, rows, note=note)


def remarks(task: Mapping[str, Any]) -> list[str]:
    """What a reader has to know beside the figures, a sentence each."""
    told = []
    for where, dropped, named in [("", task["data"]["rows_dropped"], task["data"]["named"])] + [
        (f"{each['model']}: ", each["rows_dropped"], each["named"]) for each in task["models"]
    ]:
        for reason, count in dropped.items():
            place = lines_told(named[reason])
            told.append(f"{where}{counted(count, 'rows')} left out: {reason.replace('_', ' ')} ({place})")
    if task["data"]["repeats"]:
        told.append(f"asked twice: {counted(task['data']['repeats'], 'rows')} with the words of a row before")
    chats = [each["model"] for each in task["models"] if each["chat"]]
    texts = [each["model"] for each in task["models"] if not each["chat"]]
    if chats and texts:
        told.append(f"not asked alike: {', '.join(chats)} in a chat, {', '.join(texts)} with a text to go on from")
    for each in task["models"]:
        if each["truncated"]:
            told.append(
                f"{each['model']}: {each['truncated']:,} of {each['answered']:,} answers were cut at max_new_tokens"
            )
        check = each.get("batch_check")
        if check and "different_texts" in check:
            told.append(
                f"{each['model']}: alone, {check['different_texts']} of {check['samples']} answers are other texts"
            )
        elif check:
            told.append(
                f"{each['model']}: alone, log-probabilities of {check['samples']} samples differ by at most "
                f"{check['largest_difference']:g}"
            )
    for row in task["results"]:
        for end, what in CUT_SHORT.items():
            if count := row.get("code", {}).get(end):
                told.append(
                    f"{row['model']}: {row['metric']}: the code of {count:,} of {counted(row['n'], 'answers')} {what}, "
                    "and is worth 0"
                )
    told += [f"warning: {sentence}" for sentence in without_figures(task)]
    told += [f"{row['model']} and {row['baseline']} are not compared by {row['metric']}: {row['refused']}"
             for row in task["comparisons"] if "refused" in row]  # fmt: skip
    return told


def without_figures(task: Mapping[str, Any]) -> list[str]:
    """A sentence for each metric of a model that has no figure, as there is not one sample in it."""
    return [
        f"{row['model']}: {row['metric']} has no figure: of {counted(row['unread'], 'answers')} not one could be read"
        for row in task["results"]
        if not row["n"]
    ]


def text(document: Mapping[str, Any], width: int = 120, colour: bool = False) -> str:
    """The whole evaluation for a terminal ``width`` columns wide."""
    parts = []
    for task in document["tasks"]:
        parts += [as_text(table, width, colour) for table in tables_of(task)]
        parts += ["\n".join(clean(remark) for remark in found)] if (found := remarks(task)) else []
    parts += [as_text(suite_table(suite), width, colour) for suite in document.get("suites", ())]
    return "\n\n".join(parts)


def markdown(document: Mapping[str, Any]) -> str:
    """Tables to paste, with what they were measured on."""
    parts = [f"# Evaluation of {_count(document)}", _facts(document)]
    for task in document["tasks"]:
        parts += [as_markdown(table).strip() for table in tables_of(task)]
        parts += ["\n".join(f"- {clean(remark)}" for remark in remarks(task))]
    parts += [as_markdown(suite_table(suite)).strip() for suite in document.get("suites", ())]
    return "\n\n".join(part for part in parts if part) + "\n"


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    head = tag("header", join([tag("h1", f"Evaluation of {_count(document)}"), tag("p", _facts(document), "soft")]))
    sections = [(task["name"], _section(task)) for task in document["tasks"]]
    sections += [(suite["name"], as_html(suite_table(suite))) for suite in document.get("suites", ())]
    sections.append(("Models", tree({each["model"]: {"content": each["content"]} for each in document["models"]})))
    return whole_page(f"Evaluation of {_count(document)}", [head], sections, document["created"], CSS)


def _section(task: Mapping[str, Any]) -> Markup:
    parts: list[Markup] = []
    if said := task["task"].get("description"):
        parts.append(tag("p", said))
    for at, table in enumerate(tables_of(task)):
        parts += ([tag("h3", table.title)] if at else []) + [as_html(table)]
    parts += [tag("p", remark, "soft") for remark in remarks(task)]
    parts.append(tag("details", join([tag("summary", "The task"), tree(task["task"])])))
    return join(parts)


def _count(document: Mapping[str, Any]) -> str:
    models, tasks = len(document["models"]), len(document["tasks"]) + len(document.get("suites", ()))
    return f"{counted(models, 'models')} on {counted(tasks, 'tasks')}"


def _facts(document: Mapping[str, Any]) -> str:
    limit = (
        f"at most {document['limit']:,} rows of each, drawn by seed {document['seed']}"
        if document["limit"]
        else "all rows"
    )
    return f"{limit}; on {document['device']}; runner {document['runner']}."
