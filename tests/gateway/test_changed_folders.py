"""A router's folder that changes while it is served: what was checked answers, whatever lies there now."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from runner import Runner
from runner.data.prompt_rows import Row
from runner.gateway.gateway_options import GatewayWords
from runner.gateway.opening import open_gateway
from runner.serving.opened_models import Limits, open_models
from runner.workspace import Workspace
from tests.conftest import Desk

#: A router trains first, and so does a model of lengths.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

ROUTER, LENGTHS = "dense_network/reads", "simple_length_prediction/words"
PROMPT = "What is the capital of Austria?"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with a router that reads prompts with an encoder of its own, and a model of lengths that does too."""
    desk = Desk(tmp_path_factory.mktemp("trained"))
    sample = {"dataset": "sample", "max_samples": 300}
    for name, own in (
        ("reads", {"model_type": "dense_network", "hidden_dims": [8]}),
        ("words", {"model_type": "simple_length_prediction", "min_model_comparisons": 5}),
    ):
        document = {"model": {"name": name, "spec": own}, "data": sample, "epochs": 1, "batch_size": 64}
        desk("train", "--spec-file", desk.write(f"{name}.json", document), "--executor", "local").ok()
    return desk


@pytest.fixture
def home(trained: Desk, tmp_path: Path) -> Path:
    """A copy of its store, to be spoilt."""
    shutil.copytree(trained.home / "models", tmp_path / "models")
    return tmp_path


def overwrite(home: Path) -> None:
    """In the place of the very bytes that were read, as a careless copy would."""
    for file in (home / "models").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            with file.open("r+b") as opened:
                opened.write(b"\xff" * file.stat().st_size)


def test_a_gateway_goes_on_with_the_router_and_the_lengths_that_it_checked(trained: Desk, home: Path):
    known = list(Runner(root=trained.home).infer(ROUTER, ["Hi"]).document)
    called = {"url": "http://127.0.0.1:9/v1", "price": {"input": 1, "output": 2}}
    backends = trained.write("backends.json", dict.fromkeys(known) | dict.fromkeys(known[:2], called))
    wanted = Runner(root=trained.home).infer(ROUTER, [PROMPT]).document
    tokens = Runner(root=trained.home).infer(LENGTHS, [PROMPT]).document
    words = GatewayWords(ROUTER, trained.home / backends, lengths=LENGTHS)
    gateway = open_gateway(Workspace.below(home), words, limits=Limits()).gateway
    scorer = gateway.decider.scorer
    # Nothing was asked before: no weight is read only once it is needed.
    overwrite(home)
    (found,) = scorer.of([Row(PROMPT)])
    assert found.scores.tolist() == pytest.approx([wanted[name][0] for name in known[:2]], abs=1e-5)
    assert found.answer_tokens is not None
    lengths = {name: tokens[name][0] for name in known[:2]}
    ratio = found.answer_tokens / [lengths[name] for name in known[:2]]
    assert ratio.tolist() == pytest.approx([ratio[0]] * 2, rel=1e-4)
    shutil.rmtree(home / "models")
    assert scorer.of([Row(PROMPT)])[0].scores.tolist() == pytest.approx(found.scores.tolist(), abs=1e-6)
    asyncio.run(gateway.close())


def test_a_router_whose_rows_are_answered_has_its_encoder_in_memory_too(trained: Desk, home: Path):
    wanted = Runner(root=trained.home).infer(ROUTER, [PROMPT]).document
    (model,) = open_models(Workspace.below(home), [ROUTER]).rows

    async def asked() -> dict[str, list[float]]:
        # As a server does before it says that it is ready.
        await model.warm()
        overwrite(home)
        found: dict[str, list[float]] = (await model.answer([PROMPT], {}))["answers"]
        return found

    answers = asyncio.run(asked())
    assert {name: scores[0] for name, scores in answers.items()} == pytest.approx(
        {name: scores[0] for name, scores in wanted.items()}, abs=1e-5
    )
