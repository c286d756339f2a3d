"""Every bad input: the documented exit code, one cause that names its place, no traceback, nothing half-written."""

from __future__ import annotations

import pytest

from tests.bad_inputs import (
    cases_clusters,
    cases_data,
    cases_distillation,
    cases_engine,
    cases_evaluate,
    cases_evaluation,
    cases_finetuned,
    cases_infer,
    cases_language,
    cases_language_rows,
    cases_pictures,
    cases_questions,
    cases_rewards,
    cases_routers,
    cases_runs,
    cases_serve,
    cases_spec,
    cases_tabular,
    cases_tokens,
    cases_wizard,
)
from tests.bad_inputs.case import Bench, Case, try_out

#: What everybody types, with every change.
EVERY_TIME = [*cases_spec.CASES, *cases_data.CASES]
#: What models can be asked, and what one family can be given, in the long tests.
LONG = [
    *cases_infer.CASES,
    *cases_routers.CASES,
    *cases_tabular.CASES,
    *cases_tokens.CASES,
    *cases_wizard.CASES,
    *cases_pictures.CASES,
    *cases_language.CASES,
    *cases_distillation.CASES,
    *cases_evaluation.CASES,
    *cases_finetuned.CASES,
    *cases_rewards.CASES,
    *cases_evaluate.CASES,
    *cases_language_rows.CASES,
    *cases_questions.CASES,
    *cases_runs.CASES,
    *cases_serve.CASES,
    *cases_engine.CASES,
    *cases_clusters.CASES,
]
TABLE = [*EVERY_TIME, *LONG]
#: They are long together, and no one of them is: their commands are copies.
TOGETHER = (pytest.mark.slow, pytest.mark.warm)


@pytest.mark.parametrize("case", [*(case.param() for case in EVERY_TIME), *(case.param(*TOGETHER) for case in LONG)])
def test_bad_input(case: Case, bench: Bench, request: pytest.FixtureRequest) -> None:
    if pytest.mark.docker in case.marks:
        request.getfixturevalue("engine")
    try_out(case, bench)


def test_the_table_is_long_enough_and_no_row_is_there_twice():
    assert len({case.name for case in TABLE}) == len(TABLE) >= 70
