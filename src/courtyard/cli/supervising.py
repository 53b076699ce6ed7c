"""Several processes of one house on one machine: started together, started again when they die, and ended in order."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NoReturn

import structlog

_log = structlog.get_logger("courtyard")

_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""How long to wait before the next start, after so many lives that were short."""

_LONG_LIFE_S = 60.0
_LOOK_S = 0.05
_LOOK_AGAIN_S = 5.0
"""How long a process that ended without a signal being heard is missed at most."""
_TOLD = (signal.SIGTERM, signal.SIGINT)
_HEARD = (*_TOLD, signal.SIGCHLD)

Run = Callable[[Callable[[], None], int], int]
"""What a process does: it is given what to call once it is ready, and a descriptor that ends with the parent."""


class Post:
    """A process that the house needs: what it does, and who does it now."""

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self.run = run
        self.pid: int | None = None
        self.is_ready = False
        self.short_lives = 0
        self.began_s = 0.0
        self.due_s = 0.0


class Supervisor:
    """Runs workers, and under them what they all need; both from this process, which does nothing else.

    This process has one thread and its modules loaded: what it forks shares its memory, and is up in no time.
    """

    def __init__(self, *, workers: Iterable[Post], below: Iterable[Post]) -> None:
        self._workers = tuple(workers)
        self._below = tuple(below)
        self._by_pid: dict[int, Post] = {}
        self._ready, self._say_ready = os.pipe()
        os.set_blocking(self._ready, False)
        self._lifeline, self._held = os.pipe()
        self._is_stopping = False
        self._was_up = False
        self._status = 0

    def run(self, up: Callable[[], None]) -> int:
        """Run them all until a signal comes; call `up` once every worker is ready. Returns the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        while self._by_pid or not self._is_stopping:
            if not self._is_stopping:
                self._start_due()
            elif not any(post.pid for post in self._workers):
                self._tell(self._below)
            heard = signal.sigtimedwait(_HEARD, self._wait_s())
            if heard is not None and heard.si_signo in _TOLD:
                self._stop()
            self._bury()
            self._hear()
            if not self._was_up and all(post.is_ready for post in self._workers):
                self._was_up = True
                up()
        return self._status

    def _wait_s(self) -> float:
        due = [post.due_s for post in (*self._below, *self._workers) if post.pid is None]
        if not self._was_up or self._is_stopping:
            return _LOOK_S
        return max(min(due) - monotonic(), 0) if due else _LOOK_AGAIN_S

    def _start_due(self) -> None:
        now_s = monotonic()
        for post in (*self._below, *self._workers):
            if post.pid is None and now_s >= post.due_s:
                self._start(post)

    def _start(self, post: Post) -> None:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self._be(post)
        post.pid, post.began_s, post.is_ready = pid, monotonic(), False
        self._by_pid[pid] = post

    def _be(self, post: Post) -> NoReturn:
        """Do a post's work in the new process, which ends here."""
        status = 1
        try:
            with suppress(OSError):
                Path("/proc/self/comm").write_text(post.name)  # What `ps` and `top` show.
            os.setpgid(0, 0)  # Ctrl-C is the parent's to hear, who tells the others once.
            os.close(self._held)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            status = post.run(lambda: self._now_ready(post), self._lifeline)
        except BaseException:
            _log.exception("process_failed", process=post.name)
        finally:
            sys.stdout.flush()
            os._exit(status)

    def _now_ready(self, post: Post) -> None:
        os.write(self._say_ready, (*self._below, *self._workers).index(post).to_bytes(2, "big"))

    def _hear(self) -> None:
        """Note which processes have said that they are ready."""
        posts = (*self._below, *self._workers)
        while True:
            try:
                said = os.read(self._ready, 2)
            except BlockingIOError:
                return
            posts[int.from_bytes(said, "big")].is_ready = True

    def _bury(self) -> None:
        """See who has ended, and say when the next one begins."""
        while self._by_pid:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            post = self._by_pid.pop(pid, None)
            if post is None:
                continue
            post.pid = None
            if self._is_stopping:
                continue
            now_s = monotonic()
            post.short_lives = 0 if now_s - post.began_s > _LONG_LIFE_S else post.short_lives + 1
            pause_s = _PAUSES_S[min(post.short_lives - 1, len(_PAUSES_S) - 1)] if post.short_lives else 0.0
            post.due_s = now_s + pause_s
            if self._was_up:
                _log.error("process_ended", process=post.name, reason=_reason(status), again_in_s=pause_s)
            else:
                _log.error("process_not_started", process=post.name, reason=_reason(status))
                self._status = 1
                self._stop()

    def _stop(self) -> None:
        """Tell the workers to end; what is below them goes on until they have. Told twice, they hurry."""
        self._is_stopping = True
        self._tell(self._workers)

    def _tell(self, posts: Iterable[Post]) -> None:
        for post in posts:
            if post.pid is not None:
                os.kill(post.pid, signal.SIGTERM)


def _reason(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"status {code}" if code >= 0 else signal.Signals(-code).name
