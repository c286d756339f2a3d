"""Commands without a process of their own."""

from __future__ import annotations

import contextlib
import io

from runner.cli import app
from tests.conftest import Desk, Ran


class Inside(Desk):
    """A desk whose commands run in this process: they are many, and none is heavy."""

    def __call__(self, *words: object, **_: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.home), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = app.run([str(word) for word in words])
        return Ran(int(code), out.getvalue(), err.getvalue())
