"""What an engine tells every node of a run on several: the run's entry reads these variables of the environment."""

from __future__ import annotations

#: How many nodes there are.
NODES = "RUNNER_NODES"
#: Which one this is, from 0. Node 0 is the head: it owns the attempt.
NODE_RANK = "RUNNER_NODE_RANK"
#: Where the head is reached, HOST:PORT.
HEAD = "RUNNER_HEAD"
#: The head's port where an engine has no reason for another.
PORT = 29500
