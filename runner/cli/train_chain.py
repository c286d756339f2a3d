"""``runner train --spec-file`` with several files: a chain of specs, read together and trained one after the other."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.output import error_text, fault_text, say, show, table
from runner.cli.train_words import announce, ending, read_spec
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.execution.chain import Done, Link
    from runner.spec.checking import LoadedSpec


def read_specs(files: Sequence[Path], *, as_json: bool = False) -> list[LoadedSpec]:
    """Read and check all; what is odd is said. Raises ``SpecsError`` once every fault of every file was told."""
    from runner.execution.chain import load_all

    with told_all(as_json):
        specs = load_all(files, read_spec)
    for loaded in specs:
        for warning in loaded.warnings:
            say(fault_text(warning, loaded.document.source, "warning: "))
    return specs


@contextlib.contextmanager
def told_all(as_json: bool) -> Iterator[None]:
    """Print the errors that a ``SpecsError`` has, each with its file; with ``--json`` its document holds them."""
    from runner.execution.chain import SpecsError

    try:
        yield
    except SpecsError as error:
        for source, each in error.errors if not as_json else ():
            text = error_text(each)
            say(text if source in text else f"{source}: {text}")
        raise


def train_chain(
    files: Sequence[Path],
    workspace: Workspace,
    executor: str | None,
    *,
    dry_run: bool,
    as_json: bool,
    anyway: bool = False,
) -> int:
    """Check all, then train one after the other; each is shown as it ends. Returns the exit code."""
    from runner.execution import chain as chains
    from runner.tracking.terminal import TerminalListener

    chain = chains.order(read_specs(files, as_json=as_json))
    with told_all(as_json):
        chains.check(chain, workspace, executor)
    rows = _rows(chain)
    if dry_run:
        cells = [(row["place"], row["source"], row["model"], _after(row)) for row in rows]
        show(rows, lambda: table(("", "SPEC", "STORED AS", "AFTER"), cells, right=(0,)), as_json=as_json)
        return 0
    gc.enable()
    listening: list[TerminalListener] = []

    def listen(link: Link) -> list[TerminalListener]:
        say(f"{chain.index(link) + 1} of {len(chain)}: {link.source}")
        listening.append(TerminalListener(sys.stderr, print_every=link.loaded.spec.log.print_every))
        return listening[-1:]

    def close() -> None:
        while listening:
            listening.pop().close()

    def ended(done: Done) -> None:
        close()
        if done.finished is not None:
            for line in done.finished.notes:
                say(line)
            if not as_json:
                print(ending(done.finished), end="\n\n", flush=True)

    try:
        results = chains.train_all(
            chain,
            workspace,
            executor=executor,
            anyway=anyway,
            listeners=listen,
            announce=announce,
            ended=ended,
        )
    finally:
        close()
    failed = next((done.error for done in results if done.error is not None), None)
    names = [done.finished.model.reference for done in results if done.finished is not None]
    stored = f"stored as {', '.join(names)}" if names else None
    if as_json:
        show([done.as_dict() for done in results], "", as_json=True, kept=stored)
    else:
        ends = [(number, done.link.source, _state(done)) for number, done in enumerate(results, 1)]
        show(None, table(("", "SPEC", "STATE"), ends, right=(0,)), as_json=False, kept=stored)
        if failed is not None:
            say(error_text(failed))
    return 0 if failed is None else int(failed.code)


def _rows(chain: Sequence[Link]) -> list[dict[str, Any]]:
    """The chain in its order: each spec's place from 1, its file, what it stores, and the places that it waits for."""
    place = {link.place: number for number, link in enumerate(chain, 1)}
    return [
        {
            "place": place[link.place],
            "source": link.source,
            "model": link.model,
            "after": {pointer: place[other] for pointer, other in link.needs.items()},
        }
        for link in chain
    ]


def _after(row: dict[str, Any]) -> str:
    return ", ".join(f"{place} ({pointer.rpartition('/')[2]})" for pointer, place in row["after"].items())


def _state(done: Done) -> str:
    if done.finished is not None:
        return f"stored as {done.finished.model.reference}"
    return "not started" if done.error is None else "failed: see below"
