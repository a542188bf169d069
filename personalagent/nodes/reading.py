"""Reading turns in order, each with the profile that the turns before it left (paper, Eq. 1 and 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from personalagent.dialogue import Turn
from personalagent.policies.policy import Failure, Policy, read_turn
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.log import TurnEntry
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template
from personalagent.stores.profiles import ProfileStore


@dataclass
class Read:
    """What came of a sequence of turns: `results` by turn key, for those that were not logged before."""

    profile: Profile
    results: dict[str, TurnEntry | Failure] = field(default_factory=dict)

    @property
    def entries(self) -> list[TurnEntry]:
        """The turns that could be read."""
        return [result for result in self.results.values() if isinstance(result, TurnEntry)]

    @property
    def failures(self) -> dict[str, Failure]:
        """The turns that could not be read, by key; they are pending."""
        return {key: result for key, result in self.results.items() if isinstance(result, Failure)}


async def read_turns(
    user: str,
    turns: Sequence[Turn],
    profiles: ProfileStore,
    policy: Policy,
    template: Template,
    special: SpecialCategories,
) -> Read:
    """Read those of the user's turns that the log does not hold yet; the caller appends the entries.

    A turn that the policy cannot read is kept as pending before the next one is read.
    """
    logged = await profiles.logged(user, turns)
    read = Read(await profiles.profile(user))
    for turn in turns:
        if turn.key in logged:
            continue
        result = await read_turn(policy, turn, read.profile, template, special)
        read.results[turn.key] = result
        if isinstance(result, Failure):
            await profiles.put_pending(user, turn, result)
        else:
            read.profile = merge(read.profile, result)
    return read
