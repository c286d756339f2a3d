"""What learns a table's target: boosted trees, forests, linear models, a small network, and the choice among them.

A learner takes numbers alone: float32 ``[n, f]`` with NaN where a value is missing, categories as the codes 0, 1, ...
What a column is called, and what its categories are, is the kind's matter.
"""

from runner.builders.tabular._learners.learner import LEARNERS, Learner, load_learner, make_learner

__all__ = ["LEARNERS", "Learner", "load_learner", "make_learner"]
