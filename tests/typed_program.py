"""What a shell of the tests starts as ``runner``: it hands its words and streams to the tests, which run a copy.

``python -IS typed_program.py SOCKET WORD...`` ends as the copy ends. Where a copy would not have imported what a new
process imports, it becomes a new process itself: ``python -m runner WORD...``.
"""

from __future__ import annotations

import json
import os
import socket
import sys

where, *words = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as tests:
    tests.connect(where)
    asked = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
    # What is sent with descriptors has to be short.
    socket.send_fds(tests, [b"["], [0, 1, 2])
    tests.sendall(asked)
    tests.shutdown(socket.SHUT_WR)
    told = tests.recv(100).decode()
if told == "new":
    os.execv(sys.executable, [sys.executable, "-m", "runner", *words])
if not told:
    raise SystemExit("the tests have ended")
code = int(told)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
