"""A server as a process that ends with all it has started: vLLM's engine survives its parent otherwise."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import BinaryIO

from personalagent.errors import ServingError

GRACE = {signal.SIGINT: 10.0, signal.SIGTERM: 5.0}
"""How a server is told to end, and the seconds that it has for it; then it is killed.

SIGINT comes first, as from a terminal: while vLLM loads a model, it ends by that, but not by SIGTERM.
"""
KILL_SECONDS = 10
POLL = 0.2
LAG = 0.5
"""Seconds in which all that a process has written is read, though others hold its output open."""
TAIL_BYTES = 32768
"""Of the output: between the first mention of an error and the process's end vLLM logs long tracebacks."""
TELLING_LINES = 3
LINE_LENGTH = 400
_NAMES_ERROR = re.compile(r"(?i:error|exception)[:,] |(Error|Exception)$")
_BEFORE_TEXT = re.compile(r"^\(\w+ pid=\d+\) (\w+ [\d-]+ [\d:]+ \[\S+\] )?")
"""As in `(EngineCore pid=17) ERROR 11-30 09:02:46 [core.py:1510] ValueError: ...`."""
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
KEEPER = """
read -r group || exit
read -r ended && exit
for signal in INT TERM KILL; do
  kill -s $signal -- "-$group"
  for second in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1
    kill -s 0 -- "-$group" || exit
  done
done
"""
"""Ends a group when its input ends without a word: then this process is gone, be it by SIGKILL.

The kernel's own word of that, PR_SET_PDEATHSIG, would reach the server only, and not its engine.
"""


class Server:
    """A process with a group of its own, whose output is copied to a log as it comes.

    The group ends by `end`, or when this process is gone, in whatever way. Raises `ServingError` if the
    process cannot be started.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: BinaryIO) -> None:
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "personalagent-keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._keeper.communicate()
            raise ServingError(f"cannot start {command[0]}: {error.strerror}") from error
        self._tell_keeper(f"{self._process.pid}\n")
        self._tail = b""
        self._copier = threading.Thread(target=self._copy, args=(log,), daemon=True)
        self._copier.start()

    @property
    def ended(self) -> str:
        """How the process has ended, such as 'exit code 1'; empty while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def last_words(self) -> str:
        """What of the last output tells most, in one line."""
        if self.ended:
            self._copier.join(LAG)
        return telling(self._tail.decode("utf-8", errors="replace"))

    def end(self, hurried: Callable[[], bool], grace: Mapping[signal.Signals, float] = GRACE) -> None:
        """End the whole group; after the time of grace, or once it is `hurried`, by SIGKILL.

        It has ended when the process has, and nothing that it started holds its output open any more.
        """
        for number, seconds in grace.items():
            self._signal(number)
            deadline = time.monotonic() + seconds
            while self._alive() and time.monotonic() < deadline and not hurried():
                time.sleep(POLL)
        self._signal(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a driver may hold a process for longer
            self._process.wait(KILL_SECONDS)
        self._copier.join(LAG)
        self._keeper.communicate(b"ended\n")

    def _alive(self) -> bool:
        return not self.ended or self._copier.is_alive()

    def _tell_keeper(self, line: str) -> None:
        assert self._keeper.stdin is not None
        with suppress(BrokenPipeError):  # somebody has killed it
            self._keeper.stdin.write(line.encode())
            self._keeper.stdin.flush()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _copy(self, log: BinaryIO) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while piece := output.read(65536):
                self._tail = (self._tail + piece)[-TAIL_BYTES:]
                with suppress(OSError):  # nobody reads the log any more; the server must not block on it
                    log.write(piece)
                    log.flush()


@contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], log: BinaryIO, hurried: Callable[[], bool]
) -> Iterator[Server]:
    """A server that runs while the context is open; then, whatever happened in it, its group is ended."""
    server = Server(command, environ, log)
    try:
        yield server
    finally:
        server.end(hurried)


def telling(log: str) -> str:
    """The last lines of a log that name an error, else the last ones; each once, all in one line."""
    plain = (line.strip() for line in _TERMINAL_CODES.sub("", log).splitlines())
    lines = dict.fromkeys(_BEFORE_TEXT.sub("", line) for line in plain if line and "WARNING" not in line)
    naming = [line for line in lines if _NAMES_ERROR.search(line)]
    chosen = (naming or list(lines))[-TELLING_LINES:]
    return " | ".join(shorten(line, LINE_LENGTH, placeholder=" ...") for line in chosen)
