"""Reading turns in order, each with the profile that the turns before it left (paper, Eq. 1 and 2)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from personalagent.dialogue import Turn
from personalagent.policies.policy import OUTAGES, Failure, Policy, read_turn
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.log import TurnEntry
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template
from personalagent.stores.profiles import Pending, ProfileStore


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

    @property
    def outage(self) -> Failure | None:
        """The failure after which nothing more was tried, if there was one."""
        return next((failure for failure in self.failures.values() if failure.kind in OUTAGES), None)

    @property
    def outage_of_server(self) -> Failure | None:
        """The outage, unless it was a time-out, which may be due to what was read."""
        return self.outage if self.outage and self.outage.kind != "timeout" else None


@dataclass(frozen=True)
class Reader:
    """The user whose turns are read, by whom, and into what."""

    user: str
    profiles: ProfileStore
    policy: Policy
    template: Template
    special: SpecialCategories

    async def turns(
        self, turns: Sequence[Turn], late: Read | None = None, outage: Failure | None = None
    ) -> Read:
        """Read those of the user's turns that the log does not hold yet; the caller appends the entries.

        `late` is what came of the backlog just before. A turn that the policy cannot read is kept as pending
        before the next one is read. After an outage the rest is kept without being tried; a turn of the
        backlog that ran out of time may be to blame for that itself, and does not count. `outage` is one that
        was met before.
        """
        logged = await self.profiles.logged(self.user, turns)
        kept = await self.profiles.kept(self.user, [turn for turn in turns if turn.key not in logged])
        read = Read(late.profile if late and late.results else await self.profiles.profile(self.user))
        for turn in turns:
            if turn.key in logged:
                continue
            outage = outage or read.outage or (late.outage_of_server if late else None)
            own = kept.get(turn.key, turn)  # which knows when it was said, and what it answers
            read.results[turn.key] = result = outage or await self._read(own, read.profile)
            if isinstance(result, Failure):
                await self.profiles.put_pending(self.user, turn, result, tried=outage is None)
            else:
                read.profile = merge(read.profile, result)
        return read

    async def backlog(self, waiting: Sequence[Pending]) -> Read:
        """Read pending turns in their order, each with the profile as it was when it was said.

        Those that the log holds by now are passed over. The first outage ends it. The caller appends the
        entries.
        """
        logged = await self.profiles.logged(self.user, [one.turn for one in waiting])
        read = Read(await self.profiles.profile(self.user) if waiting else Profile())
        for one in waiting:
            if read.outage:
                break
            if one.turn.key in logged:
                continue
            result = await self._read(one.turn, read.profile.as_of(one.turn.at))
            read.results[one.turn.key] = result
            if isinstance(result, Failure):
                await self.profiles.put_pending(self.user, one.turn, result)
            else:
                read.profile = merge(read.profile, result)
        return read

    async def due(self, most: int, *, without: Collection[str] = ()) -> tuple[Pending, ...]:
        """The pending turns that are worth another try by now, oldest first, without those of these keys."""
        now = datetime.now(UTC)
        pending = await self.profiles.pending(self.user)
        return tuple(one for one in pending if one.due(now) and one.turn.key not in without)[:most]

    async def _read(self, turn: Turn, profile: Profile) -> TurnEntry | Failure:
        return await read_turn(self.policy, turn, profile, self.template, self.special)
