"""Commands of tests stay copies of the process that has its libraries loaded, whatever a test has imported before."""

from __future__ import annotations

import pytest

from tests import warm
from tests.conftest import Desk


def test_libraries_that_a_test_imports_make_no_command_a_new_process(desk: Desk) -> None:
    warm.like_ours({})
    __import__("sklearn.metrics")
    __import__("jax")
    assert warm.like_ours(desk.variables)


def test_a_variable_that_libraries_read_when_they_are_imported_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm.like_ours({})
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert not warm.like_ours(desk.variables)


def test_what_a_module_left_is_gone_before_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    warm.like_ours({})
    monkeypatch.setenv("LEFT_BY_A_TEST", "1")
    monkeypatch.delenv("PATH")
    warm.forget_variables()
    assert warm.like_ours(desk.variables) and "LEFT_BY_A_TEST" not in desk.variables and "PATH" in desk.variables
