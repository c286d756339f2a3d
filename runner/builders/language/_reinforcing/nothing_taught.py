"""Whether the answers of a training taught anything: one has to be worth more than another."""

from __future__ import annotations

from typing import Any

from runner.builders.language._reinforcing.policy_steps import Practice
from runner.builders.language._rewards.judged_pairs import NO_VERDICT
from runner.errors import RunFailed

REWARDS = "/model/spec/rewards"


def need_taught(spec: Any, practice: Practice) -> None:
    """Raise :class:`RunFailed` for a training of whose answers none was worth more than what it was compared with."""
    counts = practice.counts
    answers, groups = counts["answers"], counts["groups"]
    if not answers:
        return
    if counts["unrewarded_answers"] == answers:
        for name, unread in practice.unread.items():
            raise RunFailed(
                f"no reward applied to any of {answers:,} answers: nothing was learned; {unread.told()}",
                where=f"{REWARDS}/{name}",
                hint=NO_VERDICT,
            )
        raise RunFailed(
            f"no reward applied to any of {answers:,} answers: nothing was learned",
            where=REWARDS,
            hint="a reward gives a number for an answer that it applies to, and None for others",
        )
    if spec.mask_cut and counts["cut_answers"] == answers:
        raise RunFailed(
            f"none of {answers:,} answers ended within max_new_tokens, and all were left out (mask_cut): nothing was "
            "learned",
            where="/model/spec/mask_cut",
            hint="raise max_new_tokens, or learn from answers that were cut too",
        )
    if answers == groups and practice.worth_is_one:
        raise RunFailed(
            f"all {answers:,} answers had the same reward: nothing was learned",
            where=REWARDS,
            hint="rewards have to tell answers apart: prompts may be too hard, or too easy",
        )
    if not counts["taught"]:
        raise RunFailed(
            f"in none of {groups:,} groups was an answer worth more than another: nothing was learned",
            where=REWARDS,
            hint="rewards have to tell answers to one prompt apart: prompts may be too hard, or too easy",
        )
