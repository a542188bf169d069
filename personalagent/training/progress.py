"""How far work is: a bar in a terminal, a line for every twentieth elsewhere.

All is said on one console: a bar that is opened while another is shown stands below it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from personalagent.errors import PersonalAgentError

console = Console(stderr=True, highlight=False)


class Progressed:
    """Told what is being done, how much of it, and how much there is of it."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=None)
        self._shown = ""
        self._bar.start()

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` parts of `what` are done; what stands in brackets is news, and nothing else."""
        self._bar.update(self._task, description=what, completed=done, total=total)
        line = f"{what.split(' (')[0]}: {20 * done // total * 5} %"
        if not console.is_terminal and line != self._shown:
            console.print(
                f"{time.strftime('%H:%M:%S')} {line} {what.partition(' (')[2].rstrip(')')}".rstrip()
            )
            self._shown = line

    def close(self) -> None:
        """Give the terminal back."""
        self._bar.stop()


@contextmanager
def progressed() -> Iterator[Progressed]:
    """Progress that is shown while the context is open; an expected error ends the program with one line."""
    progress = Progressed()
    try:
        yield progress
    except PersonalAgentError as error:
        progress.close()
        console.print(f"[red]error:[/] {error}")
        raise typer.Exit(2) from None
    finally:
        progress.close()
