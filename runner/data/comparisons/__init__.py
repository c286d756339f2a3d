"""The comparisons layout: two LLMs' responses to one prompt, and which was better."""

from runner.data.comparisons.comparison_arrays import BOTH_BAD, TIE, A, B, Comparisons
from runner.data.comparisons.section import ComparisonsData, Dataset

__all__ = ["BOTH_BAD", "TIE", "A", "B", "Comparisons", "ComparisonsData", "Dataset"]
