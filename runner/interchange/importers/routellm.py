"""RouteLLM: the YAML that names its routers' checkpoints, and its server's words.

A checkpoint of theirs is no stored model here: what is made is a spec that trains a router of that sort on comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers.data_names import named
from runner.interchange.leaves import Leaves
from runner.interchange.rules import Dead, Lost, Secret, Table, To

ROUTERS = {
    "mf": "matrix_factorization",
    "sw_ranking": "bradley_terry_scoring",
    "bert": "transformer_embedding",
    "causal_llm": "transformer_embedding",
}


def _router(leaves: Leaves) -> str:
    given = leaves.get("routers")
    names = [given] if isinstance(given, str) else list(given or [])
    named_ = [name for name in (*names, *leaves.top()) if name in ROUTERS]
    for wanted in ("mf", "bert", "causal_llm", "sw_ranking"):
        if wanted in (names or named_):
            return wanted
    return "mf"


def kind(leaves: Leaves) -> Chosen:
    router = _router(leaves)
    return Chosen(ROUTERS[router], f"the router {router}, as a spec that trains one of its sort: {ROUTERS[router]}")


def table(kind: str) -> Table:
    checkpoint = Lost(
        "a checkpoint of theirs is no stored model here",
        "train the spec, and serve it: runner serve, a gateway of runner route",
    )
    serving = "it serves, and trains nothing: docs/gateway.md"
    found: dict[str, Any] = {
        "mf.text_dim": Lost(
            "the prompt's embedding is as long as its model makes it",
            "set model.spec.embedding_model_name",
            effect=False,
        ),
        "mf.hidden_size": To("/model/spec/embedding_dim", rules.whole)
        if kind == "matrix_factorization"
        else Dead("another router's"),
        "mf.num_models": Dead("how many LLMs there are is told by the data"),
        "mf.num_classes": Dead("a comparison has one winner"),
        "mf.use_proj": To("/model/spec/text_projection", rules.flag)
        if kind == "matrix_factorization"
        else Dead("another router's"),
        "sw_ranking.num_tiers": Lost("LLMs are rated one by one, in no tiers", "", effect=True),
        "bert.num_labels": Dead("a comparison's outcomes are told by the data"),
        "causal_llm.num_outputs": Dead("a comparison's outcomes are told by the data"),
        "causal_llm.score_threshold": Lost("a router's threshold is its own, and calibrated", "runner route --help"),
        "causal_llm.model_type": Dead("told by the model"),
        "causal_llm.flash_attention_2": Dead("how the machine is used"),
        "causal_llm.model_id": To(
            "/model/spec/transformer_model_name", rules.text, "an encoder is asked for here, not a causal model", None
        ),
        "causal_llm.special_tokens": Dead("what its prompts are written with"),
        "routers": Dead("it says which type of model this is"),
        "config": Dead("read"),
        "verbose": Dead(serving),
        "workers": Dead(serving),
        "port": Lost(serving, "runner serve --port", effect=False),
        "base_url": Lost(serving, "the gateway's file of backends", effect=False),
        "api_key": Secret("OPENAI_API_KEY"),
        "alt_base_url": Lost(serving, "the gateway's file of backends", effect=False),
        "alt_api_key": Secret("OPENAI_API_KEY"),
        "threshold": Lost("a router's threshold is its own, and calibrated", "runner route --help", effect=False),
        "random": Lost("chance is no router here", "", effect=True),
        "random.**": Lost("chance is no router here"),
        "env.**": Lost(
            "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
        ),
    }
    for router in ROUTERS:
        found |= {
            f"{router}.checkpoint_path": checkpoint,
            f"{router}.strong_model": Lost("the LLMs are told when it is asked", "runner route --models", effect=False),
            f"{router}.weak_model": Lost("the LLMs are told when it is asked", "runner route --models", effect=False),
            f"{router}": Dead("it says which type of model this is"),
            f"{router}.arena_battle_datasets": Dead("told with the data"),
            f"{router}.arena_embedding_datasets": Lost("prompts are embedded here as they are read", "", effect=False),
        }
    for name in ("strong_model", "weak_model"):
        found[name] = Lost(
            "the LLMs are told when it is asked", "runner route --models; the gateway's file of backends", effect=False
        )
    return found


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    return {"/epochs": 10, "/batch_size": 64} if kind != "bradley_terry_scoring" else {}


def prepare(draft: Draft) -> None:
    leaves = draft.leaves
    wanted = _router(leaves)
    for leaf in leaves:
        router = leaf.key.partition(".")[0]
        if router in ROUTERS and router != wanted:
            draft.say(
                leaf,
                "no equivalent",
                f"a spec trains one model: {wanted} is taken",
                f"--from routellm of a file with {router} alone",
                effect=True,
            )
    battles = leaves.leaf("sw_ranking.arena_battle_datasets")
    if battles is not None and wanted == "sw_ranking" and battles.value:
        names = rules.listed(battles.value)
        draft.put("/data/dataset", named(names[0], draft.cwd).name)
        several = len(names) > 1
        draft.say(
            battles,
            "changed" if several else "carried",
            "a spec has one data set: the first is taken" if several else "",
            "write the rows into one file, and name it" if several else "",
            pointers=("/data/dataset",),
            effect=several,
        )
    else:
        draft.put("/data/dataset", "lmarena_human_preference")
        draft.notes.append("data: the preference data that their routers were trained on, lmarena_human_preference")
    draft.take("name", f"routellm-{wanted}", None)


def finish(draft: Draft) -> None:
    for name in ("epochs", "batch_size"):
        value = draft.value(f"/{name}")
        if value is not None and draft.get(f"/{name}") is None:
            draft.put(f"/{name}", value)


def fits(leaves: Leaves) -> int:
    top = set(leaves.top())
    return 8 if top and top <= {*ROUTERS, "random"} else 0


FORMAT = Format(
    "routellm",
    "RouteLLM",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    about="The YAML of `--config`, and `python -m routellm.openai_server ...`.",
    kinds=("matrix_factorization", "bradley_terry_scoring"),
)
