"""The process of a TensorBoard: it says its address on standard output, and serves until its lease ends.

The lease is standard input: it closes when whoever started us is gone. With ``--keep`` there is none, and SIGTERM ends
it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn


def serve(folder: str, *, keep: bool) -> NoReturn:
    """Show a folder of event files, on this machine alone and on a port that the system chooses."""
    from tensorboard import default, program

    # Loading by a process of its own would leave that one behind where this one is killed.
    words = ["", "--logdir", folder, "--host", "127.0.0.1", "--port", "0", "--load_fast", "false"]
    board = program.TensorBoard(default.get_plugins())
    board.configure(argv=[*words, "--reload_interval", "2"])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    url = board.launch()
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    if not keep:

        def lease() -> None:
            while os.read(0, 1024):
                pass
            ended.set()

        threading.Thread(target=lease, daemon=True).start()
    ended.wait()
    # Its threads serve on: nothing of them is worth waiting for.
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], keep="--keep" in sys.argv[2:])
