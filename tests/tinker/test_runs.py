"""A loop is a run like any other: its directory, its events, the model at its end, and how it ends otherwise."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import runner.tinker as tinker
from runner import Runner
from runner.chat.messages import Conversation, Message
from runner.chat.renderer import ChatRenderer
from runner.errors import ConflictError, UsageError
from runner.inference.merged_model import merge
from runner.runs.events import EventReader
from runner.runs.run_folder import Run, State
from tests.conftest import ROOT, Desk
from tests.tinker.conftest import ADAM, BASE, rows

PROGRAM = """
import sys
import runner.tinker as tinker
from tests.tinker.conftest import ADAM, BASE, rows
training = tinker.ServiceClient(root=sys.argv[1]).create_lora_training_client(BASE, rank=2)
training.forward_backward(rows(), "cross_entropy")
training.optim_step(ADAM)
if sys.argv[2] != "none":
    raise {"error": ValueError("mine"), "stop": KeyboardInterrupt()}[sys.argv[2]]
"""


def train(service: tinker.ServiceClient, steps: int = 2) -> tinker.TrainingClient:
    training = service.create_lora_training_client(BASE, rank=4, user_metadata={"recipe": "mine"})
    for _ in range(steps):
        training.forward_backward(rows(), "cross_entropy")
        training.optim_step(ADAM)
    return training


@pytest.mark.slow
@pytest.mark.warm
def test_a_loop_leaves_a_run_and_a_stored_model_that_answers(home):
    with tinker.ServiceClient(root=home, name="mine") as service:
        training = train(service)
        training.save_state("000002").result()
        run = Run(home / "runs" / training.run_id)
        assert run.state().state == State.RUNNING and run.state().executor == "program"
        asked = tinker.ModelInput.from_ints(list(b"What is 1?"))
        wanted = training.save_weights_and_get_sampling_client().compute_logprobs(asked).result()
    state = run.state()
    assert (state.state, state.model) == (State.SUCCEEDED, "sft/mine/v1")
    events = list(EventReader(run.path).new())
    assert [event.event for event in events if event.event != "warning"] == [
        "started", "step", "step", "checkpoint", "metrics", "finished",
    ]  # fmt: skip
    steps = [event for event in events if event.event == "step"]
    assert steps[1].metrics["loss"] < steps[0].metrics["loss"]
    assert {"gradient_norm", "learning_rate", "loss_sum"} <= steps[0].metrics.keys() and steps[1].tokens > 0
    runner = Runner(root=home)
    (answer,) = runner.infer("sft/mine", ["Hi"], options={"max_new_tokens": 4}).records
    assert answer["completion_tokens"] > 0
    merge(runner.workspace, "sft/mine", name="whole")
    (whole,) = runner.infer("sft/whole", ["Hi"], options={"max_new_tokens": 4}).records
    assert whole == answer
    again = tinker.ServiceClient(root=home)
    # What is stored is what was trained, and a loop may begin with it.
    stored = again.create_sampling_client(base_model="sft/mine")
    assert stored.compute_logprobs(asked).result()[1:] == pytest.approx(wanted[1:], abs=1e-4)
    further = train_on(again)
    assert again.close() == ["sft/further/v1"] or further
    desk = Desk(home)
    assert desk("runs", "show", training.run_id).ok().out
    replayed = desk("replay", "sft/mine")
    assert replayed.code == 5 and "by a program" in replayed.err


def train_on(service: tinker.ServiceClient) -> bool:
    training = service.create_lora_training_client("sft/mine", rank=2)
    training.forward_backward(rows(), "cross_entropy")
    training.optim_step(ADAM)
    path = training.save_state("on").result().path
    assert service.create_training_client_from_state_with_optimizer(path, base_model="sft/mine").get_info().step == 1
    return True


def test_what_a_loop_writes_by_the_template_is_what_its_model_is_asked_with(home):
    """Of prompts and of whole rows, for the loop's tokenizer and for the renderer of training and use."""
    turns = [{"role": "user", "content": "What is 1?"}, {"role": "assistant", "content": "It is one."}]
    with tinker.ServiceClient(root=home, name="mine") as service:
        training = train(service, steps=1)
        tokenizer = training.get_tokenizer()
        row = tokenizer.apply_chat_template(turns, return_dict=False)
        prompt = tokenizer.apply_chat_template(turns[:1], add_generation_prompt=True, return_dict=False)
        params = tinker.SamplingParams(max_tokens=6, temperature=0)
        sampler = training.save_weights_and_get_sampling_client()
        drawn = sampler.sample(tinker.ModelInput.from_ints(prompt), 1, params).result().sequences[0]
    renderer = ChatRenderer.of(tokenizer, "tokenizer")
    conversation = Conversation(tuple(Message(**turn) for turn in turns))
    (rendered,) = renderer.trained_each(conversation)
    # What a template writes behind the end of a turn is not learned, and not part of the row.
    assert rendered.ids == row[: len(rendered.ids)] and not tokenizer.decode(row[len(rendered.ids) :]).strip()
    assert renderer.prompt(conversation.with_messages(conversation.messages[:1])) == prompt
    asked = Runner(root=home).infer("sft/mine", ["What is 1?"], options={"max_new_tokens": 6})
    assert asked.records[0]["prompt_tokens"] == len(prompt)
    assert asked.records[0]["completion"] == tokenizer.decode(drawn.tokens, skip_special_tokens=True)


def test_a_run_that_took_no_step_stores_nothing(home):
    service = tinker.ServiceClient(root=home)
    training = train(service, steps=0)
    assert service.close() == []
    assert Run(home / "runs" / training.run_id).state().state == State.CANCELLED
    with pytest.raises(UsageError):
        training.optim_step(ADAM)
    assert not (home / "models" / "sft").exists() or not list((home / "models" / "sft").glob("*/v*"))


def test_an_error_in_the_loop_is_how_its_run_ends(home):
    with pytest.raises(ZeroDivisionError), tinker.ServiceClient(root=home) as service:
        training = train(service, steps=1)
        raise ZeroDivisionError("in the loop")
    state = Run(home / "runs" / training.run_id).state()
    assert state.state == State.FAILED and "in the loop" in state.failure.message
    with pytest.raises(ConflictError, match="program"):
        Runner(root=home).resume(training.run_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "state"), [("none", State.SUCCEEDED), ("error", State.FAILED), ("stop", State.INTERRUPTED)]
)
def test_a_program_that_closes_nothing_ends_its_run(how, state, home):
    environment = Desk(home).variables | {"PYTHONPATH": str(ROOT)}
    home.mkdir()
    subprocess.run([sys.executable, "-c", PROGRAM, str(home), how], env=environment, capture_output=True, timeout=300)
    (run,) = (home / "runs").iterdir()
    assert Run(run).state().state == state


def test_the_services_own_words(home, tmp_path):
    with pytest.warns(UserWarning, match="computed here"):
        tinker.ServiceClient(base_url="https://elsewhere", root=home)
    for wrong in ({"name": "no/name"}, {"wandb": {"projekt": "x"}}):
        with pytest.raises(UsageError):
            tinker.ServiceClient(root=home, **wrong)


def test_wandb_hears_of_a_loop(home, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    with tinker.ServiceClient(root=home, wandb={"project": "loops", "experiment_name": "first"}) as service:
        training = train(service, steps=1)
    folder = home / "runs" / training.run_id
    assert json.loads((folder / "wandb.json").read_text())["project"] == "loops"
    assert list((folder / "wandb").glob("offline-run-*"))
