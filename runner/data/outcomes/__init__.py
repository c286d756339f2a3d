"""Outcome matrices: what each LLM's answer to each prompt was worth and what it cost, with holes."""

from runner.data.outcomes.outcome_fields import Outcomes
from runner.data.outcomes.outcome_matrix import OutcomeMatrix

__all__ = ["OutcomeMatrix", "Outcomes"]
