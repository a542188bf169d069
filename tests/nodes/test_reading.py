"""Turns that wait: as they were said, once, and of nobody else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from personalagent import Backend, ProfileStore, ScriptedPolicy, open_backend
from personalagent.errors import ArchiveError
from personalagent.nodes.reading import Reader
from personalagent.policies.policy import Failure, Policy
from personalagent.profile.template import load_template
from tests.make import DIET, day, infers, states, turn

BAD = Failure(kind="malformed")
SAID = turn("I am vegan", answers=DIET, replying_to="Any diet?")


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with open_backend("memory:") as opened:
        yield opened


def reader(profiles: ProfileStore, policy: Policy) -> Reader:
    return Reader("ada", profiles, policy, load_template(), "stated")


async def test_a_history_that_is_passed_again_finds_its_pending_turns_as_they_were_said(
    backend: Backend,
) -> None:
    await backend.profiles.put_pending("ada", SAID, BAD)
    again = turn("I am vegan", at=day(50))
    assert again.key == SAID.key
    policy = ScriptedPolicy([BAD, infers(states(DIET, "vegan"))])
    for _ in range(2):
        read = await reader(backend.profiles, policy).turns([again])
    assert policy.turns == [SAID, SAID]
    assert [entry.at for entry in read.entries] == [SAID.at]


async def test_a_turn_that_another_thread_has_read_meanwhile_does_not_wait_any_more(backend: Backend) -> None:
    await backend.profiles.put_pending("ada", SAID, BAD)
    waiting = await backend.profiles.pending("ada")
    may_fail = asyncio.Event()

    class Slow(ScriptedPolicy):
        async def infer(self, *_: object) -> Failure:
            await may_fail.wait()
            return BAD

    slow = asyncio.create_task(reader(backend.profiles, Slow()).backlog(waiting))
    fast = reader(backend.profiles, ScriptedPolicy([infers(states(DIET, "vegan"))]))
    await backend.profiles.append("ada", (await fast.backlog(waiting)).entries)
    may_fail.set()
    await slow
    assert await backend.profiles.pending("ada") == ()
    unused = ScriptedPolicy()
    assert (await reader(backend.profiles, unused).backlog(waiting)).results == {}
    assert unused.turns == []


async def test_an_archive_with_somebody_elses_pending_turn_is_refused_whole(backend: Backend) -> None:
    await backend.profiles.put_pending("ada", SAID, BAD)
    archive = (await backend.profiles.export("ada")).model_dump(mode="json")
    archive["pending"][0]["turn"]["user"] = "bob"
    async with open_backend("memory:") as other:
        with pytest.raises(ArchiveError, match="turns of 'bob', not of 'ada'"):
            await other.profiles.import_("ada", archive)
        assert await other.profiles.waiting_users() == ()


async def test_everybody_who_waits_is_found(backend: Backend) -> None:
    for user in ("ada", "bob", "c.d@example.org"):
        await backend.profiles.put_pending(user, turn("hello", user=user), BAD)
    await backend.profiles.erase("bob")
    assert await backend.profiles.waiting_users() == ("ada", "c.d@example.org")
