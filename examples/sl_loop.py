"""Supervised learning in a loop that you write: rows from texts, a schedule of your own, a checkpoint to go on from.

Run it as `python examples/sl_loop.py [FOLDER]`; runs and models are put into the folder, or a temporary one. The loop
uses nothing but the step-by-step API: written for another service of that shape, it runs here with the import changed.
"""

import sys
import tempfile
from pathlib import Path

import runner.tinker as tinker
from runner.tinker import types

BASE = "runner/tiny-llama"
STEPS, BATCH, PEAK = 24, 8, 0.01
LESSONS = [
    [{"role": "user", "content": f"What is {a} + {b}?"}, {"role": "assistant", "content": f"{a + b}."}]
    for a in range(1, 9)
    for b in range(1, 5)
]


def datum(tokenizer, messages) -> types.Datum:
    """A conversation whose answer is learned: the tokens of the prompt weigh nothing."""
    whole = tokenizer.apply_chat_template(messages, return_dict=False)
    asked = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=False)
    weights = [float(at >= len(asked)) for at in range(len(whole))]
    return types.Datum(
        model_input=types.ModelInput.from_ints(whole[:-1]),
        loss_fn_inputs={"target_tokens": whole[1:], "weights": weights[1:]},
    )


def nll(output: types.ForwardBackwardOutput, batch: list[types.Datum]) -> float:
    """The mean negative log-likelihood of a learned token, nats."""
    total = mass = 0.0
    for found, row in zip(output.loss_fn_outputs, batch, strict=True):
        for value, weight in zip(found["logprobs"].tolist(), row.loss_fn_inputs["weights"].tolist(), strict=True):
            total, mass = total - value * weight, mass + weight
    return total / mass


def train(service: tinker.ServiceClient, training: tinker.TrainingClient, begin: int, end: int) -> list[float]:
    """Steps ``begin`` to ``end`` of the whole training; the loss of each."""
    tokenizer = training.get_tokenizer()
    data = [datum(tokenizer, messages) for messages in LESSONS]
    waiting = []
    for step in range(begin, end):
        batch = [data[(step * BATCH + at) % len(data)] for at in range(BATCH)]
        # The loss is a sum: what it is divided by is the loop's business. So is the rate, which falls to nothing.
        rate = PEAK * (1 - step / STEPS)
        learned = training.forward_backward(batch, "cross_entropy")
        stepped = training.optim_step(types.AdamParams(learning_rate=rate, eps=1e-8))
        # Both are in the queue; the next step is put there before this one is read.
        waiting.append((batch, learned, stepped))
    losses = []
    for batch, learned, stepped in waiting:
        losses.append(nll(learned.result(), batch))
        metrics = stepped.result().metrics or {}
        print(f"step {begin + len(losses):2}  nll {losses[-1]:.3f}  gradient {metrics['unclipped_grad_l2:mean']:.2f}")
    return losses


def main(folder: Path) -> None:
    """Half of the training, a checkpoint, the other half from it."""
    service = tinker.ServiceClient(user_metadata={"recipe": "sl_loop"}, root=folder, name="sums")
    training = service.create_lora_training_client(base_model=BASE, rank=8, seed=1)
    losses = train(service, training, 0, STEPS // 2)
    path = training.save_state(f"{STEPS // 2:06d}").result().path
    print("saved as", path)

    again = service.create_training_client_from_state_with_optimizer(path)
    losses += train(service, again, STEPS // 2, STEPS)
    print("sampler at", again.save_weights_for_sampler("final").result().path)
    print(f"nll {losses[0]:.2f} -> {losses[-1]:.2f}")
    print("stored:", *service.close())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
