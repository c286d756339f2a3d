"""Choosing tokens: drawn by their odds, each row by its own seed."""

from __future__ import annotations

import torch

from runner.builders._finetuning.sampling import Choice, chosen
from runner.tasks.generation.options import GenerationOptions

ROWS = 4000


def drawn(logits: torch.Tensor, **fields: object) -> torch.Tensor:
    options = GenerationOptions(**fields)
    return chosen([Choice(options, [7, row], [0], {3}) for row in range(ROWS)], logits.expand(ROWS, -1))


def test_tokens_are_drawn_by_their_odds():
    logits = torch.log(torch.tensor([[0.5, 0.0, 0.2, 0.3]]))
    shares = torch.bincount(drawn(logits, temperature=1.0), minlength=4) / ROWS
    torch.testing.assert_close(shares, torch.tensor([0.5, 0.0, 0.2, 0.3]), atol=0.03, rtol=0)
    sharper = torch.bincount(drawn(logits, temperature=0.5), minlength=4) / ROWS
    torch.testing.assert_close(sharper, torch.tensor([0.25, 0.0, 0.04, 0.09]) / 0.38, atol=0.03, rtol=0)


def test_an_answer_that_is_too_short_is_not_ended():
    ending = torch.tensor([[0.0, 0.0, 0.0, 9.0]])
    assert (drawn(ending, temperature=1.0, min_new_tokens=2) != 3).all()
    assert set(drawn(ending).tolist()) == {3}


def test_tokens_that_were_there_lose_by_the_penalty():
    options = GenerationOptions(repetition_penalty=2.0)
    first, second = Choice(options, [0], [0], ()), Choice(options, [1], [1], ())
    logits = torch.tensor([[1.5, 1.0, -1.0]]).expand(2, -1)
    assert chosen([first, second], logits).tolist() == [1, 0]
    assert chosen([second], torch.tensor([[1.5, 1.6, 0.0]])).tolist() == [1]
    assert chosen([second], torch.tensor([[-1.0, -1.0, -1.5]])).tolist() == [2]


def test_rows_of_other_options_draw_what_they_draw_among_their_like():
    logits = torch.log(torch.tensor([[0.4, 0.1, 0.2, 0.3]])).expand(6, -1)
    kinds = [{}, {"temperature": 1.0}, {"temperature": 2.0, "top_k": 2}, {"temperature": 1.0, "min_new_tokens": 1}]
    wanted = [kinds[row % len(kinds)] for row in range(6)]

    def choices() -> list[Choice]:
        return [Choice(GenerationOptions(**fields), [3, row], [0], {3}) for row, fields in enumerate(wanted)]

    together, alone = choices(), choices()
    for _ in range(8):
        each = [int(chosen([choice], logits[:1])) for choice in alone]
        assert chosen(together, logits).tolist() == each
