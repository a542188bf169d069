"""How far a recipe is: a bar in a terminal, a line for every twentieth elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from personalagent.errors import PersonalAgentError

console = Console(stderr=True, highlight=False)


class Progressed:
    """Told what is being done, how much of it, and how much there is of it."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self.bar, self.task, self.shown = bar, task, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` parts of `what` are done."""
        self.bar.update(self.task, description=what, completed=done, total=total)
        line = f"{what.split(' (')[0]}: {20 * done // total * 5} %"
        if not console.is_terminal and line != self.shown:
            console.print(f"{time.strftime('%H:%M:%S')} {line} {what.partition(' (')[2].rstrip(')')}")
            self.shown = line


@contextmanager
def progressed() -> Iterator[Progressed]:
    """Progress that is shown while the context is open; an expected error ends the program with one line."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        try:
            yield Progressed(bar, bar.add_task("", total=None))
        except PersonalAgentError as error:
            bar.stop()
            console.print(f"[red]error:[/] {error}")
            raise typer.Exit(2) from None
