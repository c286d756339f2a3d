"""What an attempt says and saves, brought to the run's directory while it trains; and its lease, kept.

Two threads: one renews the lease and looks whether somebody cancelled the run or took it over, so that a large
checkpoint on its way delays neither; the other copies. A storage that does not answer is asked again: the training goes
on meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from runner.engines import remote_checkpoints
from runner.engines.run_root import RENEWED_EVERY, RunRoot, attempt_folder
from runner.errors import ConflictError, EnvironmentProblem, RunnerError

#: How long a storage may stay away before the attempt is ended for it, seconds.
PATIENCE = 900.0
#: How often is copied at first, and later; seconds. Each time something new was said makes a piece of its own.
FIRST_PAUSE, LAST_PAUSE = 0.5, 10.0
#: The files that are copied in pieces, and the folder of the pieces.
STREAMS = {"events.jsonl": "events", "log.txt": "log"}
#: Documents that a later attempt needs.
CARRIED = ("lock.json",)


class Superseded(ConflictError):
    """Another attempt has begun: this one writes nothing any more."""


class Mirror:
    """Copies a local run into its directory in the storage, as one attempt of it.

    ``stop`` is called, from a thread, with why the training is to end: :class:`Superseded`, a cancellation
    (:class:`Cancelled`), or a storage that stayed away.
    """

    def __init__(self, root: RunRoot, attempt: int, owner: str, run: Path, stop: Callable[[RunnerError], None]) -> None:
        self._root, self._attempt, self._owner, self._run, self._stop = root, attempt, owner, run, stop
        self._ended = threading.Event()
        self._copied: dict[str, int] = dict.fromkeys(STREAMS, 0)
        self._sent: dict[str, str] = {}
        self._carried: dict[str, bytes] = {}
        self._renewed = 0
        self._copying = threading.Lock()
        self._away: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self._begun = time.monotonic()

    def keep_lease(self) -> None:
        """Begin to renew the lease."""
        self._start("lease", self.look, lambda: RENEWED_EVERY)

    def follow(self) -> None:
        """Begin to copy. Checkpoints that are in the run already came from there."""
        self._sent = {stage: path.name for stage, path in _checkpoints(self._run).items()}
        self._start("copies", self.copy, self._pause)

    def _start(self, name: str, work: Callable[[], None], pause: Callable[[], float]) -> None:
        thread = threading.Thread(target=self._repeat, args=(name, work, pause), daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """End the threads. What is left to be copied is for :meth:`copy_rest`."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def look(self) -> None:
        """Renew the lease, and see whether the run is still ours."""
        self.need_ours()
        self._renewed += 1
        self._root.renew(self._attempt, self._owner, self._renewed)
        if self._root.cancelled() is not None:
            self._stop(CancelledRun("the run was cancelled", where=self._root.address))

    def need_ours(self) -> None:
        """Raise :class:`Superseded` where another attempt has begun."""
        newest = max(self._root.numbers("attempts"), default=0)
        if newest > self._attempt:
            raise Superseded(
                f"attempt {newest} has taken the run over: attempt {self._attempt} writes nothing any more",
                where=self._root.address,
            )

    def copy(self) -> None:
        """Bring up what was said and saved since the last time."""
        with self._copying:
            self._copy_words()
            for name in CARRIED:
                path = self._run / name
                data = path.read_bytes() if path.exists() else None
                if data is not None and data != self._carried.get(name):
                    self._root.storage.write(f"{attempt_folder(self._attempt)}/{name}", data)
                    self._carried[name] = data
            for stage, step in _checkpoints(self._run).items():
                if self._sent.get(stage) == step.name:
                    continue
                scratch = self._run / ".mirror"
                try:
                    remote_checkpoints.put(self._root, stage, step, self._attempt, scratch, self.need_ours)
                except FileNotFoundError:
                    # The training took it away: there is a newer one, for the next time.
                    continue
                self._sent[stage] = step.name

    def copy_rest(self, patience: float = PATIENCE) -> None:
        """Bring up all that is left, at the end. Raises what the storage raises for longer than ``patience`` seconds,
        and :class:`Superseded`."""
        patiently(self.copy, patience)

    def _copy_words(self) -> None:
        for name, folder in STREAMS.items():
            path = self._run / name
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(self._copied[name])
                data = file.read()
            if name == "events.jsonl":
                # A line that is still being written is for the next piece.
                data = data[: data.rfind(b"\n") + 1]
            if data:
                key = f"{attempt_folder(self._attempt)}/{folder}/{self._copied[name]:012d}"
                self._root.storage.write(key, data)
                self._copied[name] += len(data)

    def _pause(self) -> float:
        """Short while the run is young and somebody waits for its first words."""
        return min(LAST_PAUSE, FIRST_PAUSE + (time.monotonic() - self._begun) / 30)

    def _repeat(self, name: str, work: Callable[[], None], pause: Callable[[], float]) -> None:
        while not self._ended.is_set():
            try:
                work()
                self._away.pop(name, None)
            except Superseded as error:
                self._stop(error)
                return
            except (EnvironmentProblem, OSError) as error:
                since = self._away.setdefault(name, time.monotonic())
                if time.monotonic() - since > PATIENCE:
                    self._stop(away(error))
                    return
            self._ended.wait(pause())


class CancelledRun(ConflictError):
    """Somebody cancelled the run while it was executed."""


def away(error: Exception) -> EnvironmentProblem:
    """The error of an attempt whose storage did not come back."""
    told = error.message if isinstance(error, RunnerError) else str(error)
    return EnvironmentProblem(
        f"the storage of runs stayed away for {PATIENCE / 60:.0f} minutes: {told}",
        where=getattr(error, "where", None),
        hint="what was brought there before is whole: the run can go on when it is back",
        retryable=True,
    )


def patiently(work: Callable[[], object], patience: float = PATIENCE) -> None:
    """Do it, again and again while the storage does not answer, for at most ``patience`` seconds."""
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

    Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, EnvironmentProblem) and error.retryable),
        stop=stop_after_delay(patience),
        wait=wait_exponential_jitter(multiplier=0.2, max=15),
        reraise=True,
    )(work)


def _checkpoints(run: Path) -> dict[str, Path]:
    try:
        return remote_checkpoints.local_checkpoints(run)
    except FileNotFoundError:
        # A folder went away while it was looked at.
        return {}
