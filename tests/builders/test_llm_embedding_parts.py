"""The parts of the LLMs' embeddings: which LLMs are held out, triplets, the two losses, the set encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.builders.routing._fields.embedding_specs import Attention, Frozen
from runner.builders.routing._llms import attention, frozen
from runner.builders.routing._llms.attention import AttentionNetwork, contrastive_loss
from runner.builders.routing._llms.embedding_training import fit_network
from runner.builders.routing._llms.frozen import FrozenNetwork
from runner.builders.routing._llms.llm_holdout import SET, found_again, hold_out
from runner.builders.routing._llms.llm_pairs import Inputs, Pairs
from runner.builders.routing._llms.pair_features import FEATURES
from runner.builders.routing._llms.triplets import Triplets, divergence, triplet_loss
from runner.data.comparisons import BOTH_BAD, TIE, A, B


def some_pairs(n: int = 600, n_llms: int = 10, n_prompts: int = 40, seed: int = 0) -> Pairs:
    rng = np.random.default_rng(seed)
    texts = tuple(f"text {at}" for at in range(n_prompts + n))
    return Pairs(
        texts=texts,
        prompt=rng.integers(n_prompts, size=n),
        response=n_prompts + np.arange(n),
        llm=rng.integers(n_llms, size=n),
        good=rng.random(n) < 0.5,
    )


def test_a_comparison_gives_two_pairs_with_their_outcomes(toolbox):
    data = toolbox.outcomes(("x", "y", A), ("x", "z", B), ("y", "z", TIE), ("z", "x", BOTH_BAD))
    pairs = Pairs.of_comparisons(data)
    assert len(pairs) == 8 and len(set(pairs.texts)) == len(pairs.texts) == 6
    assert pairs.llm.tolist() == [0, 0, 1, 2, 1, 2, 2, 0]
    assert pairs.good.tolist() == [True, False, True, False, False, True, True, False]
    assert [pairs.texts[at] for at in pairs.prompt] == ["prompt 0", "prompt 1", "prompt 2", "prompt 3"] * 2
    assert [pairs.texts[at] for at in pairs.response] == ["yes"] * 4 + ["no"] * 4
    some = pairs.only(np.array([1]))
    assert [some.texts[at] for at in some.prompt] == ["prompt 2", "prompt 0"] and len(some.texts) == 4
    assert some.llm.tolist() == [1, 1] and some.good.tolist() == [True, False]


@pytest.mark.parametrize("seed", [0, 1])
def test_no_llm_is_on_both_sides_and_halves_share_no_prompt(seed):
    pairs = some_pairs()
    held = hold_out(pairs, seed)
    assert len(held.llms) == 2 and len(held.candidates) == 10
    assert not set(pairs.llm[held.train]) & set(held.llms)
    assert set(pairs.llm[held.train]) | set(held.llms) == set(range(10))
    assert {int(pairs.llm[row]) for rows in held.queries for row in rows} == set(held.llms)
    for rows, owner in zip(held.queries, held.owner, strict=True):
        other = held.candidates[owner]
        assert len(rows) <= SET and set(pairs.llm[rows]) == set(pairs.llm[other]) and len(set(pairs.llm[other])) == 1
        assert not set(pairs.prompt[rows]) & set(pairs.prompt[other])
    assert (hold_out(pairs, seed).llms == held.llms).all()


def test_the_seed_decides_who_is_held_out():
    assert len({tuple(hold_out(some_pairs(), seed).llms) for seed in range(8)}) > 3


def test_of_few_llms_prompts_are_held_out():
    pairs = some_pairs(n_llms=3)
    held = hold_out(pairs, 0)
    measured = np.concatenate([*held.queries, *held.candidates])
    assert not len(held.llms) and set(pairs.llm[held.train]) == set(pairs.llm[measured]) == {0, 1, 2}
    assert not set(pairs.prompt[measured]) & set(pairs.prompt[held.train])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 6), st.integers(0, 99))
def test_anything_can_be_split(n, n_llms, n_prompts, seed):
    pairs = some_pairs(n, n_llms, n_prompts, seed)
    held = hold_out(pairs, seed)
    assert len(held.train) and all(len(rows) for rows in [*held.queries, *held.candidates])
    assert len(held.queries) == len(held.owner) and (not len(held.owner) or held.owner.max() < len(held.candidates))
    for parts in Triplets(pairs, held.train, 0.5, "cpu").draw(torch.arange(len(held.train))):
        assert set(parts.tolist()) <= set(held.train.tolist())


def test_retrieval_is_counted():
    candidates = np.eye(3, dtype=np.float32)
    queries = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0.6, 0], [0, 0, 1]], np.float32)
    found = found_again(queries, candidates, np.array([0, 1, 1, 2]))
    assert found["retrieval"] == 0.75 and found["lead"] == pytest.approx((1 + 0.2 - 0.2 + 1) / 4)
    assert found["separation"] == pytest.approx(0.75 + 0.05)
    assert set(found_again(queries, candidates[:1], np.zeros(4, int)).values()) == {None}


def test_triplets_of_identity():
    pairs = some_pairs()
    rows = np.flatnonzero(pairs.llm != 4)
    anchor, positive, negative = Triplets(pairs, rows, 1.0, "cpu").draw(torch.arange(len(rows)))
    assert len(anchor) > 0.99 * len(rows)
    llm = torch.from_numpy(pairs.llm)
    assert (llm[anchor] == llm[positive]).all() and (anchor != positive).all() and (llm[anchor] != llm[negative]).all()
    assert not (llm[torch.cat([anchor, positive, negative])] == 4).any()


def test_triplets_of_outcomes_keep_to_the_prompt_where_they_can():
    pairs = some_pairs()
    anchor, positive, negative = Triplets(pairs, np.arange(600), 0.0, "cpu").draw(torch.arange(600))
    llm, good, prompt = (torch.from_numpy(column) for column in (pairs.llm, pairs.good, pairs.prompt))
    assert len(anchor) > 500
    assert (llm[anchor] != llm[positive]).all() and (llm[anchor] != llm[negative]).all()
    assert (good[anchor] == good[positive]).all() and (good[anchor] != good[negative]).all()
    assert (prompt[anchor] == prompt[positive]).float().mean() > 0.9
    assert (prompt[anchor] == prompt[negative]).float().mean() > 0.9


def test_the_share_of_identity_triplets():
    pairs = some_pairs(4000)
    anchor, positive, _ = Triplets(pairs, np.arange(4000), 0.8, "cpu").draw(torch.arange(4000))
    share = (pairs.llm[anchor.numpy()] == pairs.llm[positive.numpy()]).mean()
    assert share == pytest.approx(0.8, abs=0.03)


def synthetic(n_llms: int = 30, pairs_each: int = 40, seed: int = 0) -> tuple[Inputs, Pairs]:
    """Responses whose first 3 numbers are their LLM's own, and whose other 21 are loud noise; 24 of a prompt."""
    rng = np.random.default_rng(seed)
    n = n_llms * pairs_each
    llm = np.repeat(np.arange(n_llms), pairs_each)
    vectors = rng.normal(size=(50 + n, 24)) * np.array([0.3] * 3 + [0.8] * 21)
    vectors[50:, :3] += rng.normal(size=(n_llms, 3))[llm]
    pairs = Pairs(("",) * (50 + n), rng.integers(50, size=n), 50 + np.arange(n), llm, rng.random(n) < 0.5)
    inputs = Inputs(
        torch.from_numpy(pairs.prompt), torch.from_numpy(pairs.response), torch.from_numpy(vectors.astype(np.float32)),
        scalars=torch.from_numpy(rng.normal(size=(n, 32)).astype(np.float32)),
    )  # fmt: skip
    return inputs, pairs


def small(**fields) -> Attention:
    return Attention(embedding_type="attention", h_emb=32, h_scalar=8, h_pair=32, d_out=16, pairs_per_model=8, **fields)


@pytest.mark.parametrize("kind", ["frozen", "attention"])
def test_training_finds_what_is_an_llms_own_in_llms_that_it_never_saw(kind, context_for, data):
    inputs, pairs = synthetic()
    held = hold_out(pairs, 0)
    torch.manual_seed(0)
    if kind == "frozen":
        spec, network = Frozen(embedding_type="frozen", hidden_dims=[32, 16]), FrozenNetwork(24, [32, 16])
        objective = frozen.objective(spec, network, inputs, pairs, held, 64)
    else:
        spec, network = small(), AttentionNetwork(small(), 24)
        objective = attention.objective(spec, network, inputs, pairs, held)
    network.eval()
    network.settle(inputs, held.candidates)
    before = found_again(network.sets(inputs, held.queries), network.sets(inputs, held.candidates), held.owner)
    fit_network(network, spec.optimizer, objective, inputs, held, context_for(data), 8)
    after = found_again(network.sets(inputs, held.queries), network.sets(inputs, held.candidates), held.owner)
    # One in thirty would be chance.
    assert after["retrieval"] > before["retrieval"] + 0.15 and after["retrieval"] > 0.3


def test_the_triplet_loss_is_torchs_with_a_divergence():
    inputs, _ = synthetic()
    network = FrozenNetwork(24, [16, 8]).eval()
    rows = tuple(torch.randint(1200, (20,)) for _ in range(3))
    with torch.no_grad():
        anchor, positive, negative = (torch.nn.functional.normalize(network.pairs(inputs, at)) for at in rows)
        expected = torch.nn.functional.triplet_margin_loss(anchor, positive, negative, margin=0.2, eps=0)
        raw = network.pairs(inputs, torch.cat(rows))
        whole = triplet_loss(network, inputs, rows, 0.2, 0.01)
    normal = torch.distributions.Normal(0.0, 1.0)
    own = torch.distributions.Normal(raw.mean(0), raw.std(0, unbiased=False))
    kl = torch.distributions.kl_divergence(own, normal).mean()
    assert float(whole) == pytest.approx(float(expected + 0.01 * kl), rel=1e-5)
    assert float(divergence(torch.randn(100_000, 4))) == pytest.approx(0, abs=1e-3)


def test_a_batch_without_a_triplet_is_a_step_of_nothing():
    inputs, _ = synthetic()
    network = FrozenNetwork(24, [8])
    none = torch.zeros(0, dtype=torch.int64)
    loss = triplet_loss(network, inputs, (none, none, none), 0.2, 0.01)
    loss.backward()
    assert float(loss.detach()) == 0 and all((p.grad == 0).all() for p in network.parameters())


def test_the_contrastive_loss_is_the_papers():
    vectors = torch.nn.functional.normalize(torch.randn(7, 5, dtype=torch.float64))
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    total = 0.0
    for i in range(7):
        others = [a for a in range(7) if a != i]
        below = sum(np.exp(float(vectors[i] @ vectors[a]) / 0.07) for a in others)
        same = [p for p in others if labels[p] == labels[i]]
        total -= sum(np.log(np.exp(float(vectors[i] @ vectors[p]) / 0.07) / below) for p in same) / len(same)
    assert float(contrastive_loss(vectors, labels, 0.07)) == pytest.approx(total / 7, rel=1e-9)


def test_a_contrastive_batch_is_llms_of_sets_of_pairs():
    inputs, pairs = synthetic(pairs_each=20)
    held = hold_out(pairs, 0)
    spec = small(models_per_batch=6, embeddings_per_model=4)
    objective = attention.objective(spec, AttentionNetwork(spec, 24), inputs, pairs, held)
    assert objective.batch_size == 6 * 4 * 8
    rows = objective.order(np.random.default_rng(0))
    assert len(rows) % objective.batch_size == 0
    for batch in rows.reshape(-1, 6, 4 * 8):
        owners = pairs.llm[batch]
        assert (owners == owners[:, :1]).all() and len(set(owners[:, 0])) == 6
    assert set(pairs.llm[rows]) <= set(pairs.llm[held.train])
    # 20 pairs do not make 4 sets of 8: they are drawn with replacement. With 2 sets they are not.
    small_sets = spec.model_copy(update={"embeddings_per_model": 2})
    objective = attention.objective(small_sets, AttentionNetwork(spec, 24), inputs, pairs, held)
    for own in objective.order(np.random.default_rng(0)).reshape(-1, 16):
        assert len(set(own)) == 16


@pytest.mark.parametrize("network", [FrozenNetwork(24, [16, 8]), AttentionNetwork(small(pair_mlp_layers=3), 24)])
def test_a_set_has_no_order_and_its_size_is_free(network):
    inputs, _ = synthetic()
    rng = np.random.default_rng(0)
    sets = [rng.permutation(1200)[:size] for size in (1, 3, 3, 40)]
    found = network.sets(inputs, sets)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, network.sets(inputs, [rng.permutation(rows) for rows in sets]), atol=1e-5)
    for rows, vector in zip(sets, found, strict=True):
        np.testing.assert_allclose(network.sets(inputs, [rows])[0], vector, atol=1e-5)


def test_attention_reads_everything_that_a_pair_has():
    inputs, _ = synthetic()
    network = AttentionNetwork(small(), 24).eval()
    rows = torch.arange(5)
    vectors = network.pairs(inputs, rows)
    changed = inputs.scalars.clone()
    changed[:5, 7] += 1
    other = Inputs(inputs.prompt, inputs.response, inputs.vectors, scalars=changed)
    assert (network.pairs(other, rows) - vectors).abs().amax(dim=1).min() > 1e-4
    swapped = Inputs(inputs.response, inputs.prompt, inputs.vectors, scalars=inputs.scalars)
    assert (network.pairs(swapped, rows) - vectors).abs().amax(dim=1).min() > 1e-4


def test_only_numeric_features_are_standardised():
    network = AttentionNetwork(small(), 24)
    values = torch.rand(50, 32) * 3 + 1
    values[:, 3] = 2.0
    network.standardize(values)
    for at, feature in enumerate(FEATURES):
        spread = float(values[:, at].std(unbiased=False)) if feature.numeric and at != 3 else 1.0
        assert float(network.std[at]) == pytest.approx(spread, rel=1e-5)
        assert float(network.mean[at]) == pytest.approx(
            float(values[:, at].mean()) if feature.numeric else 0.0, rel=1e-5
        )
