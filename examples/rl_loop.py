"""Reinforcement learning in a loop that you write: draw answers, reward them, learn from what beat its group.

Run it as `python examples/rl_loop.py [FOLDER]`; runs and models are put into the folder, or a temporary one. The reward
is one that a model of random weights can find in seconds: how many of an answer's letters are digits.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import runner.tinker as tinker
from runner.tinker import types

BASE = "runner/tiny-llama"
STEPS, GROUP, TOKENS = 16, 12, 8
PROMPTS = ["Count: ", "Which year? ", "How many? "]
ADAM = types.AdamParams(learning_rate=0.01, eps=1e-8, grad_clip_norm=1.0)


def reward(text: str) -> float:
    """The share of digits."""
    return sum(letter.isdigit() for letter in text) / TOKENS


def datum(prompt: types.ModelInput, answer: types.SampledSequence, advantage: float) -> types.Datum:
    """An answer behind its prompt. All are shifted alike: a token foretells the next; the prompt has no advantage."""
    ahead = prompt.length - 1
    row = prompt.append(types.EncodedTextChunk(tokens=answer.tokens[:-1]))
    return types.Datum(
        model_input=row,
        loss_fn_inputs={
            "target_tokens": prompt.to_ints()[1:] + answer.tokens,
            "logprobs": [0.0] * ahead + answer.logprobs,
            "advantages": [0.0] * ahead + [advantage] * len(answer.tokens),
        },
    )


async def step(training: tinker.TrainingClient, tokenizer) -> tuple[float, int]:
    """One step: the mean reward, and how many groups taught nothing."""
    sampler = await training.save_weights_and_get_sampling_client_async()
    prompts = [types.ModelInput.from_ints(tokenizer(text)["input_ids"]) for text in PROMPTS]
    params = types.SamplingParams(max_tokens=TOKENS, temperature=1.0)
    # All groups are in the queue together, and share a batch.
    calls = (sampler.sample_async(prompt=each, num_samples=GROUP, sampling_params=params) for each in prompts)
    groups = await asyncio.gather(*calls)

    rows, rewards, alike = [], [], 0
    for prompt, group in zip(prompts, groups, strict=True):
        found = [reward(tokenizer.decode(answer.tokens)) for answer in group.sequences]
        rewards += found
        mean = sum(found) / len(found)
        if max(found) == min(found):
            # No answer was better than another.
            alike += 1
            continue
        rows += [
            datum(prompt, answer, (value - mean) * 4 / GROUP)
            for answer, value in zip(group.sequences, found, strict=True)
        ]
    if rows:
        learned = await training.forward_backward_async(rows, loss_fn="importance_sampling")
        stepped = await training.optim_step_async(ADAM)
        await learned
        await stepped
    return sum(rewards) / len(rewards), alike


async def loop(training: tinker.TrainingClient) -> list[float]:
    """All steps; the mean reward of each."""
    tokenizer, means = training.get_tokenizer(), []
    for at in range(STEPS):
        mean, alike = await step(training, tokenizer)
        means.append(mean)
        print(f"step {at + 1:2}  reward {mean:.3f}" + (f"  {alike} groups of equal rewards" if alike else ""))
    return means


def main(folder: Path) -> list[float]:
    """Train, and store the model."""
    with tinker.ServiceClient(user_metadata={"recipe": "rl_loop"}, root=folder, name="digits") as service:
        training = service.create_lora_training_client(base_model=BASE, rank=16, seed=1)
        means = asyncio.run(loop(training))
        training.save_state("final").result()
    print(f"reward {sum(means[:3]) / 3:.3f} -> {sum(means[-3:]) / 3:.3f}")
    return means


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
