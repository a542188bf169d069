"""Histories through a policy, as `ingest` does it, with the time that each turn takes."""

import time
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from personalagent.dialogue import Turn
from personalagent.policies.policy import Policy, read_turn
from personalagent.profile.log import TurnEntry
from personalagent.profile.preference import Operation
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template


class ReadTurn(NamedTuple):
    """A turn, what was accepted of it, the profile after it, and the milliseconds that it took."""

    turn: Turn
    entry: TurnEntry
    profile: Profile
    milliseconds: float

    @property
    def asserted(self) -> tuple[Operation, ...]:
        """What it states."""
        return tuple(op for op in self.entry.inference.operations if op.action == "assert")

    @property
    def retracted(self) -> tuple[Operation, ...]:
        """What it ends."""
        return tuple(op for op in self.entry.inference.operations if op.action == "retract")


class Evaluated(NamedTuple):
    """The policy that is measured, and its template."""

    policy: Policy
    template: Template


async def read_all(
    what: Evaluated, turns: Iterable[Turn], profile: Profile | None = None
) -> AsyncIterator[ReadTurn]:
    """The turns of one user in order, the profile growing. A policy that fails ends the evaluation."""
    known = profile or Profile()
    for turn in turns:
        started = time.perf_counter()
        entry = await read_turn(what.policy, turn, known, what.template)
        took = 1000 * (time.perf_counter() - started)
        if not isinstance(entry, TurnEntry):
            raise RuntimeError(f"the policy failed on turn {turn.index} of {turn.session}: {entry.detail}")
        known = merge(known, entry)
        yield ReadTurn(turn, entry, known, took)
