"""Runs on other machines that no engine can have: told before anything is submitted, without a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bad_inputs.case import Bench, Case

ELO = {"model_type": "elo_scoring", "k_factor": 16, "min_model_occurrences": 2}
ROOT = "s3://bucket/runs"


def asked(
    name: str,
    run: dict[str, Any],
    *says: str,
    code: int = 3,
    words: tuple[object, ...] = ("--dry-run",),
    faults: int = 1,
) -> Case:
    """A training whose ``run`` section is this one; ``--dry-run`` shows what would be submitted."""
    spec = {"model": {"name": "ratings", "spec": ELO}, "data": {"dataset": "sample"}, "epochs": 1, "run": run}

    def prepare(bench: Bench) -> None:
        bench.write("spec.json", spec)

    whole = ("train", "--spec-file", "spec.json", *words)
    return Case(name=f"cluster: {name}", code=code, words=whole, says=says, prepare=prepare, faults=faults)


def exported(name: str, run: dict[str, Any], *says: str, faults: int = 1) -> Case:
    """The same spec, for a program that rents machines."""
    trained = asked(name, run, "spec.json:", *says, faults=faults)
    return replace(trained, words=("spec", "export", "spec.json", "--to", "skypilot"))


def over(engine: str, **section: Any) -> dict[str, Any]:
    """A run section with an engine; what belongs to the run itself is given as ``run``."""
    own = section.pop("run", {})
    return {"executor": engine, "engine": {"root": ROOT, **section}, **own}


def remote(name: str, words: tuple[object, ...], *says: str, code: int = 5) -> Case:
    """A verb that looks after a run where it is."""
    return Case(name=f"cluster: {name}", code=code, words=("remote", *words), says=says)


def a_file(bench: Bench) -> Path:
    return bench.write("root", "not a folder")


CASES = [
    asked("no root", {"executor": "slurm", "engine": {}}, "/run/engine", "`root` is missing"),
    asked("an empty root", over("slurm", root=""), "/run/engine/root", "too short"),
    asked("a root at another store", over("slurm", root="gs://bucket/runs"), "/run/engine/root", "gs://", code=2),
    asked("a root without a bucket", over("ray", root="s3://"), "/run/engine/root", "no bucket is named", code=2),
    asked("a root that is nowhere", over("slurm", root="/nowhere/runs"), "/run/engine/root", "no such folder",
          code=6, words=()),
    asked("no node", over("slurm", nodes=0), "/run/engine/nodes", "too small"),
    asked("processes that nodes cannot share", over("slurm", nodes=2, run={"processes": 3}), "/run/engine/nodes",
          "cannot be divided"),
    asked("no time to stop in", over("slurm", stop_grace=0), "/run/engine/stop_grace", "too small"),
    asked("fewer than no interruptions", over("slurm", interruptions=-1), "/run/engine/interruptions", "too small"),
    asked("a label with a slash", over("slurm", label="a/b"), "/run/engine/label", "not in this form"),
    asked("inputs that are copied", over("slurm", inputs="copied"), "/run/engine/inputs", '"staged"'),
    asked("a field that is none", over("slurm", quue="gpu"), "/run/engine/quue", 'did you mean "queue"?'),
    asked("a list of options", over("slurm", options=[]), "/run/engine/options", "an object"),
    asked("a lifetime of nothing", over("slurm", lifetime=0), "/run/engine/lifetime", "too small"),
    asked("all GPUs of nobody knows where", over("slurm", run={"gpus": "all"}), "spec.json:", "/run/gpus"),
    asked("no network elsewhere", over("slurm", run={"network": False}), "spec.json:", "/run/network"),
    asked("a local run with an engine", over("local"), "/run/engine", "the executor is local"),
    asked("a container with an engine", over("docker"), "/run/engine", "the executor is docker"),
    asked("an engine by a flag alone", {}, "/run", "slurm takes `engine`", words=("--executor", "slurm")),
    asked("leaving a local run", {"executor": "local"}, "--detach", code=2, words=("--detach",)),
    asked("an option that Slurm has not", over("slurm", options={"acount": "x"}), "spec.json:",
          "/run/engine/options/acount", "'account'"),
    asked("a variable that is not set beside an option that is none",
          over("slurm", options={"acount": "x"}, run={"env": ["NOT_SET_HERE"]}), "/run/engine/options/acount",
          "/run/env", "NOT_SET_HERE", "export it", faults=2),
    asked("a variable that is not set", over("slurm", run={"env": ["NOT_SET_HERE"]}), "/run/env", "NOT_SET_HERE",
          code=6),
    asked("an option that the spec decides", over("slurm", options={"time": "1h"}), "/run/engine/options/time",
          "/run/engine/lifetime"),
    asked("lines that are a number", over("slurm", options={"setup": 3}), "/run/engine/options/setup",
          "a list of lines"),
    asked("an option that Ray has not", over("ray", options={"adress": "x"}), "/run/engine/options/adress",
          "'address'"),
    asked("an address without a scheme", over("ray", options={"address": "127.0.0.1"}), "/run/engine/options/address",
          "http://head:8265"),
    asked("a queue of Ray", over("ray", queue="gpu"), "/run/engine/queue", "Ray has no queues"),
    asked("a secret that Ray would show", over("ray", run={"env": ["HOME"]}), "/run/env", "on_nodes"),
    asked("an option that Kubernetes has not", over("kubernetes", options={"namespce": "x"}),
          "/run/engine/options/namespce", 'did you mean "namespace"?'),
    asked("volumes that are a word", over("kubernetes", options={"volumes": "x"}), "/run/engine/options/volumes",
          "a list"),
    asked("no image for Kubernetes", over("kubernetes"), "/run/image", "none is named"),
    remote("a run that is none", ("status", "nothing"), "there is no run 'nothing'"),
    remote("a place where no run is", ("logs", "/nowhere/runs/x"), "/nowhere/runs/x", "there is no run"),
    remote("a store that is none", ("cancel", "gs://x/y"), "gs://", code=2),
    exported("no image for a rented machine", over("kubernetes"), "/run/image", "none is named"),
    exported("no engine to export for", {}, "/run/engine", "no directory that other machines reach"),
    exported("a queue and a setting of another engine", over("slurm", queue="gpu", options={"account": "x"},
             run={"image": "registry/runner:1"}), "/run/engine/queue", "/run/engine/options", faults=2),
    Case(name="cluster: a root that is a file", code=5, words=("remote", "fetch", "root/x"), says=("there is no run",),
         prepare=a_file),
]  # fmt: skip
