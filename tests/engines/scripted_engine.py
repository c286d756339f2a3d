"""An engine that starts nothing and says what it is told to say."""

from __future__ import annotations

from typing import ClassVar

from runner.engines.engine import EngineState, EngineStatus, Order
from runner.errors import SpecError

SCRIPTED_ENGINE = "tests.engines.scripted_engine:ScriptedEngine"


class ScriptedEngine:
    """Its state is the class's: commands open engines anew."""

    name = "slurm"
    orders: ClassVar[list[Order]] = []
    cancelled: ClassVar[list[str]] = []
    says: ClassVar[EngineStatus] = EngineStatus(EngineState.PENDING)
    said: ClassVar[str] = ""
    refuses: ClassVar[SpecError | None] = None

    @classmethod
    def reset(cls) -> None:
        cls.orders.clear()
        cls.cancelled.clear()
        cls.says, cls.said, cls.refuses = EngineStatus(EngineState.PENDING), "", None

    def check(self, order: Order) -> None:
        if self.refuses is not None:
            raise self.refuses

    def text(self, order: Order) -> str:
        return f"#!/bin/sh\n# {order.name}\nexec {' '.join(order.command)}"

    def submit(self, order: Order) -> str:
        if order.name not in [each.name for each in self.orders]:
            self.orders.append(order)
        return order.name

    def status(self, job: str) -> EngineStatus:
        return self.says

    def words(self, job: str) -> str:
        return self.said

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)
