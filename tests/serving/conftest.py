"""One server for the tests of a module, over models that took no training."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from runner.serving.opened_models import Limits
from tests.conftest import Desk
from tests.serving.running import Running, serving
from tests.talking_models import CHATS, GOES_ON


@pytest.fixture(scope="module")
def server(talking: Desk) -> Iterator[Running]:
    with serving(
        talking.home, [CHATS, GOES_ON], aliases={"gpt": CHATS}, limits=Limits(together=4, waiting=8)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[openai.OpenAI]:
    with server.client() as found:
        yield found
