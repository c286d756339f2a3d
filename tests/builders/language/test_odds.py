"""The odds of tokens: their values and gradients against torch's own, whole and in parts."""

from __future__ import annotations

import pytest
import torch

from runner.builders.language._learning.chunked_log_probs import last_layer, odds_of, passed_over


@pytest.mark.parametrize("most", [10**6, 3 * 17])
def test_values_and_gradients_are_those_of_a_log_softmax_whole_and_in_parts(most):
    torch.manual_seed(0)
    head = torch.nn.Linear(5, 17)
    hidden, tokens = torch.randn(8, 5), torch.randint(0, 17, (8,))
    own, mean = torch.randn(8), torch.randn(8)

    def gradients(made):
        known = hidden.clone().requires_grad_()
        head.zero_grad()
        log_probs, means = made(known)
        ((log_probs * own).sum() + (means * mean).sum()).backward()
        return log_probs, means, known.grad, head.weight.grad.clone(), head.bias.grad.clone()

    def plain(known):
        logs = torch.log_softmax(head(known), dim=-1)
        return logs.gather(1, tokens[:, None])[:, 0], logs.mean(dim=-1)

    ours = gradients(lambda known: odds_of(head, known, tokens, uniform=True, most=most)[:2])
    for one, other in zip(ours, gradients(plain), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    with torch.no_grad():
        _, _, hits = odds_of(head, hidden, tokens, uniform=False, most=most)
        assert hits.tolist() == (head(hidden).argmax(dim=-1) == tokens).tolist()


def test_half_precision_keeps_the_dtype_of_its_gradient():
    torch.manual_seed(0)
    head = torch.nn.Linear(5, 17, bias=False).to(torch.bfloat16)
    hidden = torch.randn(4, 5, dtype=torch.bfloat16, requires_grad=True)
    log_probs, _, _ = odds_of(head, hidden, torch.tensor([1, 2, 3, 4]), uniform=False)
    log_probs.sum().backward()
    assert log_probs.dtype == torch.float32 and hidden.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(("changed", "known"), [(30.0, False), (None, True)])
def test_a_model_that_changes_its_logits_is_asked_for_them(changed, known):
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=11, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, final_logit_softcapping=changed,
    )  # fmt: skip
    model, ids = Gemma2ForCausalLM(config).eval(), torch.tensor([[1, 2, 3]])
    head = last_layer(model)
    assert (head is not None) is known
    with torch.no_grad():
        logits = model(ids).logits
        with passed_over(head):
            out = model(ids).logits
        torch.testing.assert_close(out if head is None else head(out), logits)
        torch.testing.assert_close(model(ids).logits, logits)
