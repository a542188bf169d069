"""Histories through a policy, as `ingest` does it, with the time that each turn takes."""

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from personalagent.dialogue import Turn
from personalagent.errors import PolicyError
from personalagent.policies.policy import Failure, Policy, read_turn
from personalagent.profile.evidence import Gated
from personalagent.profile.log import TurnEntry, turn_entry
from personalagent.profile.preference import Inference, Operation
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


@dataclass(frozen=True)
class Evaluated:
    """The policy that is measured, its template, and the turns that it could not read, with the reasons."""

    policy: Policy
    template: Template
    unread: list[Failure] = field(default_factory=list)


async def read_all(
    what: Evaluated, turns: Iterable[Turn], profile: Profile | None = None
) -> AsyncIterator[ReadTurn]:
    """The turns of one user in order, the profile growing; one that cannot be read is empty, and is counted.

    Raises `PolicyError` if the policy cannot read any: its server is out, or it crashes.
    """
    known = profile or Profile()
    for turn in turns:
        started = time.perf_counter()
        entry = await read_turn(what.policy, turn, known, what.template)
        took = 1000 * (time.perf_counter() - started)
        if isinstance(entry, Failure):
            if entry.kind not in ("malformed", "truncated", "refused"):
                raise PolicyError(f"the policy failed on turn {turn.index} of {turn.session}: {entry.detail}")
            what.unread.append(entry)
            entry = turn_entry(turn, Gated(inference=Inference()))
        known = merge(known, entry)
        yield ReadTurn(turn, entry, known, took)
