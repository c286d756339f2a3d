"""``runner route``"""

from __future__ import annotations

import gc
import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from cyclopts import Parameter

from runner.cli.infer import Words, asked_rows, progress_shown
from runner.cli.output import say, show, table
from runner.cli.parameters import UNSAID, ChoosingFlags, Dash, Json
from runner.errors import UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.data.prompts import Prompts
    from runner.inference.routing.routing import Routed


def route(
    *,
    model: Annotated[str, Parameter(help="The router: TYPE/NAME, TYPE/NAME/vN, or ./FOLDER of an exported one.")],
    costs: Annotated[Path, Parameter(help="A JSON file of what each LLM costs.")],
    prompts: Annotated[list[str] | None, Words] = None,
    prompts_file: Annotated[Path | None, Dash] = None,
    prompts_format: Literal["text", "jsonl", "parquet"] | None = None,
    models_to_score: Annotated[list[str] | None, Words] = None,
    choosing: ChoosingFlags = UNSAID,
    ties: Literal["weak", "random"] = "weak",
    seed: int | None = None,
    unknown: Literal["error", "mean"] = "error",
    batch_size: int = 128,
    output_path: Annotated[Path | None, Dash] = None,
    output_format: Literal["json", "jsonl"] | None = None,
    html: Path | None = None,
    check: Annotated[bool, Parameter(negative="")] = False,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> None:
    """Choose an LLM for every prompt, by its score and by what it costs.

    Example: runner route --model dense_network/quickstart --costs costs.json --prompts "P1" "P2" --budget 0.002

    The costs: {"A": 0.01, "B": {"input": 0.5, "output": 1.5, "answer_tokens": 300}}, a cost a call, or prices for a
    million tokens. Writes the LLM, the expected cost, and every candidate's score and cost, for each prompt.

    Parameters
    ----------
    prompts
        The prompts: several words after one flag.
    prompts_file
        A file of prompts: .txt, .jsonl or .parquet, as `runner infer` reads them. With - or no flag, standard input.
    prompts_format
        What the file or standard input is, whatever its name or looks.
    models_to_score
        The candidates: several words after one flag. Without it, all LLMs in the table of costs.
    ties
        What becomes of prompts of the same chance at the border of --strong-share, which a threshold cannot divide:
        weak sends them all to the weak LLM, random divides them by chance.
    seed
        Of --ties random; 42 without it.
    unknown
        What becomes of a candidate unseen in training: an error, or it is taken for the mean of the known LLMs.
    batch_size
        Prompts per batch.
    output_path
        Where the choices go: a file, or - for standard output.
        Without it, inference_outputs/TIMESTAMP_NAME.json.
    output_format
        json is one document, with a summary; jsonl has a line for each prompt.
        Without it, the suffix of --output-path decides.
    html
        Also write a page with the curve of cost and quality.
    check
        Also look at the comparisons that the router's training held out: what such choices would have bought.
    device
        Where to compute.
    """
    gc.enable()
    from runner.data.prompts import from_file
    from runner.inference import output_places
    from runner.inference.opening import find_model
    from runner.inference.routing.costs import Costs
    from runner.inference.routing.routing import route as choose

    workspace = Workspace.current()
    rule = choosing.rule(ties="random" if ties == "random" else None, seed=seed)
    rule.check()
    if choosing.calibrate_on is not None and choosing.strong_share is None:
        raise UsageError("there is no --strong-share to calibrate for", where="--calibrate-on")
    table_of_costs = Costs.read(costs)
    form = output_places.form(output_path, output_format)
    if form == "parquet":
        raise UsageError("choices are written as json or jsonl", where="--output-path")
    to_stdout = output_places.is_stdout(output_path)
    path = None if to_stdout else output_places.reserve(workspace, output_path, find_model(workspace, model).name, form)
    try:
        with progress_shown() as emit:
            routed = choose(
                workspace,
                model,
                _prompts(prompts, prompts_file, prompts_format),
                table_of_costs,
                rule,
                models=models_to_score,
                lengths=choosing.lengths,
                unknown=unknown,
                calibrate_on=from_file(choosing.calibrate_on) if choosing.calibrate_on is not None else None,
                batch_size=batch_size,
                device=device,
                emit=emit,
            )
            held = _held(workspace, routed, table_of_costs, batch_size) if check else None
        for warning in routed.warnings:
            say(f"warning: {warning}")
        _write(path, form, routed, held, json)
    except BaseException:
        if path is not None and output_path is None:
            path.unlink(missing_ok=True)
        raise
    if html is not None:
        from runner.inference.routing.route_page import write_page

        write_page(html, routed, held)
        say(str(html))


def _held(workspace: Workspace, routed: Routed, costs: Any, batch_size: int) -> dict[str, Any]:
    """The held-out comparisons, routed; answers are as long there as these prompts' are on average."""
    from runner.inference.routing.held_out_gain import held_out
    from runner.tasks.ranking.verdict_words import over_budget, recorded, sentences

    # Ties that are broken by chance have no threshold that other prompts could be chosen by.
    choice = None if "ties" in routed.provenance["rule"] else routed.choice
    found = held_out(workspace, routed.scorer, costs, routed.mean_answer_tokens(), batch_size, choice)
    points = found.points()
    told: dict[str, Any] = {"measure": found.measure, "costs": found.costs} if found.measure != "better" else {}
    if found.verdict is not None:
        over = over_budget(found.verdict, routed.provenance["rule"].get("budget"))
        told["verdict"] = found.verdict.as_dict() | {"sentences": [*sentences(found.verdict), *over]}
        told["tables"] = recorded(found.verdict, over)
    gap = {"gap_recovered": found.gap_recovered(points), "gap_recovered_by": "comparisons"}
    return {"comparisons": found.comparisons, "points": points} | gap | told


def _write(path: Path | None, form: str, routed: Routed, held: dict[str, Any] | None, as_json: bool) -> None:
    """The choices, their provenance beside them, and the summary for a person."""
    from runner.inference.inferring import provenance_path
    from runner.store.files import write_atomic, write_json

    summary = routed.summary() | ({"held_out": held} if held else {})
    if form == "jsonl":
        text = "".join(jsonlib.dumps(row, ensure_ascii=False) + "\n" for row in routed.rows())
    else:
        document = {"routes": list(routed.rows()), "summary": summary}
        text = jsonlib.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if path is None:
        print(text, end="")
        return
    write_atomic(path, text.encode())
    beside = provenance_path(path)
    write_json(beside, routed.provenance | {"output": path.name, "summary": summary})
    document = {"output_path": str(path), "provenance": routed.provenance, "summary": summary}
    show(document, lambda: _human(summary, path, beside), as_json=as_json, kept=f"the choices are in {path}")


def _prompts(words: list[str] | None, file: Path | None, format: Any) -> Prompts:
    """A router reads prompts, whatever it was trained on."""
    return cast("Prompts", asked_rows("runner.data.prompts", words, file, format))


def _human(summary: dict[str, Any], path: Path, beside: Path) -> str:
    from runner.tasks.ranking.recorded_verdict import lines as verdict_lines

    rows: list[tuple[object, ...]] = [
        (
            name,
            f"{row['share']:.1%}",
            f"{row['mean_expected_cost_alone']:.6g}",
            f"{row['mean_quality_alone']:.3f}",
        )
        for name, row in sorted(summary["models"].items(), key=lambda item: -item[1]["share"])
    ]
    rows.append(("this routing", "100.0%", f"{summary['mean_expected_cost']:.6g}", f"{summary['mean_quality']:.3f}"))
    lines = [table(("LLM", "share", "mean cost alone", "quality alone"), rows, right=(1, 2, 3)), ""]
    for name in ("rate", "threshold"):
        if summary[name] is not None:
            lines.append(f"{name}: {summary[name]:.6g}")
    held = summary.get("held_out")
    if held:
        gap = held["gap_recovered"]
        told = "no gap: the dearer LLM is not better there"
        if gap is not None:
            told = f"gap recovered, by comparisons {gap:.3f}; a random choice has 0.5, always calling the dearer 1"
        lines.append(f"on {held['comparisons']:,} held-out comparisons: {told}")
        if held.get("measure") == "quality":
            least, most = held["points"][0], held["points"][-1]
            lines.append(
                f"mean score {least['quality']:.3f} at a mean cost of {least['mean_cost']:.6g} (never the dearer) to "
                f"{most['quality']:.3f} at {most['mean_cost']:.6g} (always); costs are {held['costs']}"
            )
        lines += [*verdict_lines(held.get("tables", {})), ""]
    return "\n".join([*lines, str(path), str(beside)])
