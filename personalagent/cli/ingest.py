"""`personalagent ingest FILE...`: read whole histories; resumable, many users at once."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from personalagent.cli.common import (
    BackendOption,
    PolicyOption,
    TemplateOption,
    UrlOption,
    backend_url,
    context_from,
    errors,
    escaped,
    policy_from,
    progress,
    run,
    template_from,
)
from personalagent.corpora.corpus import BadRecord, read
from personalagent.dialogue import Turn
from personalagent.graph.context import Context
from personalagent.nodes.reading import Reader
from personalagent.policies.metering import Usage, metered
from personalagent.policies.policy import Policy
from personalagent.profile.log import TurnEntry
from personalagent.profile.template import Template
from personalagent.stores.backends import open_backend
from personalagent.stores.profiles import ProfileStore

BATCH = 64
"""Turns of a user between two writes: what a kill may cost."""
AT_ONCE = 8
"""Users that are read at the same time."""

FilesArgument = Annotated[list[Path], typer.Argument(help="ALOE jsonl, PrefEval json, or message lists.")]
OwnerOption = Annotated[str | None, typer.Option("--user", "-u", help="Whose a bare message list is.")]


@dataclass
class Summary:
    """What an ingest did."""

    users: int = 0
    turns: int = 0
    known: int = 0
    stored: int = 0
    rejected: int = 0
    pending: int = 0
    unread: int = 0
    bad: int = 0
    seconds: float = 0.0
    partly: int = 0
    usage: Usage = field(default_factory=Usage)
    failures: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """The summary in one line."""
        paid = f", {self.usage.line()}" if self.usage.calls else ""
        return (
            f"{self.users} users, {self.turns} turns ({self.known} known already): {self.stored} stored, "
            f"{self.rejected} rejected, {self.pending} pending, {self.unread} not in English, "
            f"{self.partly} read in part, "
            f"{self.bad} bad records, {self.seconds:.1f} s{paid}"
        )


def ingest(
    files: FilesArgument,
    backend: BackendOption = "",
    user: OwnerOption = None,
    template: TemplateOption = None,
    policy: PolicyOption = "",
    base_url: UrlOption = "",
) -> None:
    """Read dialogues from files into the profiles of their users.

    May be stopped and started again: turns that are in the log already are passed over. A bad
    record is reported with file and line and skipped; then the exit code is 1.
    """
    run(_ingest(files, backend_url(backend), user, template, context_from(policy, base_url)))


async def _ingest(
    files: Sequence[Path], backend: str, user: str | None, template: Path | None, context: Context
) -> int:
    whole, started = template_from(template), time.monotonic()
    histories, summary = _histories(files, user)
    async with open_backend(backend) as opened:
        with progress() as bar:
            total = sum(len(turns) for turns in histories.values())
            task = bar.add_task("reading turns", total=total)
            policy = policy_from(context)
            work = Work(opened.profiles, policy, whole, context, summary, lambda n: bar.advance(task, n))
            with metered() as meter:
                await work.all(histories)
    summary.usage = meter.usage
    summary.seconds = time.monotonic() - started
    typer.echo(summary.line())
    for reason, count in summary.failures.most_common(3):
        errors.print(f"{count} pending, for `personalagent retry` to read; {escaped(reason)}")
    return 1 if summary.bad else 0


def _histories(files: Sequence[Path], user: str | None) -> tuple[dict[str, list[Turn]], Summary]:
    """The turns of every user in the order of the files; bad records are reported and counted."""
    histories: dict[str, list[Turn]] = defaultdict(list)
    summary = Summary()
    for path in files:
        for record in read(path, user=user):
            if isinstance(record, BadRecord):
                summary.bad += 1
                errors.print(f"[red]{escaped(f'{record.path}:{record.line}')}[/] {escaped(record.reason)}")
            else:
                histories[record.user] += record.turns
    summary.users = len(histories)
    return histories, summary


@dataclass
class Work:
    """Users in parallel, the turns of one user in order."""

    profiles: ProfileStore
    policy: Policy
    template: Template
    context: Context
    summary: Summary
    advance: Callable[[int], None]

    async def all(self, histories: dict[str, list[Turn]]) -> None:
        """Read all users' turns."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(user: str, turns: list[Turn]) -> None:
            async with gate:
                for start in range(0, len(turns), BATCH):
                    await self.batch(user, turns[start : start + BATCH])

        async with asyncio.TaskGroup() as group:
            for user, turns in histories.items():
                group.create_task(one(user, turns))

    async def batch(self, user: str, turns: list[Turn]) -> None:
        """Read some turns of a user and append what they say to the log."""
        special = self.context.special_categories
        found = await Reader(user, self.profiles, self.policy, self.template, special).turns(turns)
        new = await self.profiles.append(user, found.entries)
        self.summary.turns += len(turns)
        self.summary.known += len(turns) - len(found.results)
        self.summary.pending += len(found.failures)
        self.summary.stored += sum(len(e.inference.operations) for e in new if isinstance(e, TurnEntry))
        self.summary.unread += sum(entry.inference.unread == "language" for entry in found.entries)
        self.summary.partly += sum(entry.inference.unread == "length" for entry in found.entries)
        self.summary.failures.update(f"{one.kind}: {one.detail}" for one in found.failures.values())
        self.summary.rejected += sum(len(entry.rejections) for entry in found.entries)
        self.advance(len(turns))
