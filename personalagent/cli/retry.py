"""`personalagent retry`: read the turns that are pending."""

import asyncio
from collections.abc import Callable

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
from personalagent.graph.context import Context
from personalagent.nodes.reading import Reader
from personalagent.policies.choose import DEFAULT
from personalagent.policies.metering import metered
from personalagent.policies.policy import Policy
from personalagent.profile.template import Template
from personalagent.stores.backends import open_backend

AT_ONCE = 8
"""Users that are read at the same time."""
BATCH = 16
"""Turns of a user between two writes: what a kill may cost."""


def retry(
    user: str = typer.Option("", "--user", "-u", help="Whose turns; default: everybody's."),
    backend: BackendOption = "",
    template: TemplateOption = None,
    policy: PolicyOption = "",
    base_url: UrlOption = "",
) -> None:
    """Read the turns that could not be read before, oldest first; those that fail again stay pending.

    May be stopped and started again. The exit code is 1 if any turn is still pending.
    """
    context = context_from(policy, base_url)
    run(_retry(backend_url(backend), user, context, policy_from(context), template_from(template)))


async def work_off(reader: Reader, advance: Callable[[int], None]) -> None:
    """Read all that is pending of the reader's user, in batches; an outage ends it."""
    waiting = await reader.profiles.pending(reader.user)
    for start in range(0, len(waiting), BATCH):
        read = await reader.backlog(waiting[start : start + BATCH])
        await reader.profiles.append(reader.user, read.entries)
        advance(len(read.results))
        if read.outage:
            return


async def _retry(backend: str, user: str, context: Context, policy: Policy, template: Template) -> int:
    async with open_backend(backend) as opened:
        profiles = opened.profiles
        users = (user,) if user else await profiles.waiting_users()
        before = {one: len(await profiles.pending(one)) for one in users}
        with progress() as bar, metered() as meter:
            task = bar.add_task("reading pending turns", total=sum(before.values()))
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(user: str) -> None:
                async with gate:
                    reader = Reader(user, profiles, policy, template, context.special_categories)
                    await work_off(reader, lambda done: bar.advance(task, done))

            async with asyncio.TaskGroup() as group:
                for name in users:
                    group.create_task(one(name))
        left = {name: waiting for name in users if (waiting := await profiles.pending(name))}
    total, still = sum(before.values()), sum(map(len, left.values()))
    owners = sum(map(bool, before.values()))
    whose = f"{owners} user{'s' * (owners != 1)}, {total} pending turn{'s' * (total != 1)}"
    paid = f", {meter.usage.line()}" if meter.usage.calls else ""
    by = context.policy or DEFAULT
    typer.echo(f"{whose}: {total - still} read by {by}, {still} still pending{paid}")
    for name, waiting in left.items():
        reason = waiting[0].failure
        errors.print(f"{escaped(name)}: {len(waiting)} pending; {reason.kind}: {escaped(reason.detail)}")
    return 1 if still else 0
