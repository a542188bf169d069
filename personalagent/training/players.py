"""Who plays the trajectories of GRPO and says what they are worth: dialogues with gold, simulated users."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from statistics import fmean
from typing import NamedTuple, Protocol

from personalagent.corpora.gold import GoldTurn
from personalagent.errors import DataError, PolicyError
from personalagent.profile.template import Template
from personalagent.simulation.environment import Action, Environment, Info, Observation
from personalagent.simulation.persona import Persona, personas
from personalagent.simulation.places import meetings
from personalagent.simulation.scripted import ScriptedUser
from personalagent.simulation.user import Said, SimulatedUser
from personalagent.training.config import Source
from personalagent.training.episodes import Episode, Step, held_out
from personalagent.training.guards import guards
from personalagent.training.judging import Judge
from personalagent.training.rewards import Kind, above_floor, trajectory_return
from personalagent.training.rollouts import Messages, fitted, play, step_of

SEED = 0
"""Of every simulated user: a run that was stopped meets the same ones again."""


class Written(NamedTuple):
    """A reply of the policy in training, with its tokens."""

    text: str
    prompt_ids: list[int]
    completion_ids: list[int]
    logprobs: list[float] | None = None


class Trajectory(NamedTuple):
    """What the policy wrote, turn by turn, and what it is judged by: steps, or what a user made of it."""

    replies: tuple[Written, ...]
    steps: tuple[Step, ...] = ()
    infos: tuple[Info, ...] = ()


class Worth(NamedTuple):
    """R_final of a trajectory (Eq. 4), None if it could not be judged, and figures to log beside it."""

    reward: float | None
    figures: dict[str, float]


class Writer(Protocol):
    """The policy in training: writes replies to many prompts at once."""

    def fits(self, messages: Messages) -> bool:
        """Whether a prompt is short enough."""
        ...

    def __call__(self, prompts: Sequence[Messages]) -> list[Written]:
        """A reply to each prompt."""
        ...


class Player(Protocol):
    """A source of trajectories."""

    @property
    def names(self) -> list[str]:
        """The names of what can be played, a row of the data set each."""
        ...

    def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
        """A trajectory each. How often `writer` is called depends on the player alone: processes share it."""
        ...

    async def worth(self, trajectory: Trajectory) -> Worth:
        """What a trajectory is worth. Raises `JudgeLost`."""
        ...


class Dialogues:
    """Dialogues with gold: what users say next does not depend on the policy (paper, Eq. 2)."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        judge: Judge,
        template: Template,
        *,
        turns: int,
        kind: Kind = "judge",
        weights: Sequence[float] | None = None,
    ) -> None:
        self._episodes = {one.id: one for one in episodes}
        if not self._episodes:
            raise DataError("there is no dialogue to train on")
        self._judge, self._template, self._turns = judge, template, turns
        self._kind, self._weights = kind, weights

    @property
    def names(self) -> list[str]:
        """The ids of the dialogues."""
        return list(self._episodes)

    def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
        """The dialogues side by side."""
        chosen = [self._episodes[name] for name in names]
        rollouts = play(chosen, writer, self._template, writer.fits, turns=self._turns)
        return [Trajectory(one.replies, one.steps) for one in rollouts]

    async def worth(self, trajectory: Trajectory) -> Worth:
        """By the judge, or by the overlap with gold."""
        found = await trajectory_return(trajectory.steps, self._judge, self._kind, self._weights)
        figures = {**found.guards, "judge_failed": float(found.failed)}
        if found.exact is not None:
            figures["turn_exact"] = found.exact
        return Worth(found.reward, figures)


def users_of(source: Source, template: Template) -> list[Persona]:
    """The personas of the corpus's training split that are trained on, at most `source.most`."""
    every = personas(template, None, "train")
    apart = held_out([one.id for one in every], source.held_out, source.seed)
    return [one for one in every if one.id not in apart][: source.most]


class Simulated:
    """RLPA: a simulated user reveals herself, asks, and answers questions; two rewards (arXiv 2505.15456).

    R_j is the mean of the profile reward and the response reward, below it the floor of the format.

    A row is a persona and a place in her script, ``p101@17``; what she had said before stands in the profile
    as the gold has it. A third of the rows of the corpus have a request that is judged (`meetings`). All
    rollouts of a row meet the same user, whenever and wherever they are played: a run that was
    stopped goes on as if it had not been.

    Other users than those of the corpus come from `user_of`, which makes one of a persona and a seed, such
    as a `ModelUser`; no configuration names them. A row is then a persona, who is met at her first message,
    and what is promised of a run that was stopped is as true as she says the same to the same moves.
    """

    def __init__(
        self,
        users: Sequence[Persona],
        template: Template,
        *,
        turns: int,
        user_of: Callable[[Persona, int], SimulatedUser] | None = None,
    ) -> None:
        if not users:
            raise DataError("there is no persona to train on")
        self._template, self._turns = template, turns
        self._user_of = user_of
        self._rows = dict(self._found(users))

    @property
    def names(self) -> list[str]:
        """The personas' ids, each with a place."""
        return list(self._rows)

    def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
        """A conversation each, until the user is done, or fails, or the turns are over."""
        worlds = [self._world(*self._rows[name]) for name in names]
        with asyncio.Runner() as loop:
            loop.run(_all(world.begin() for world in worlds))
            for _ in range(self._turns):
                going = [(world, state) for world in worlds if (state := world.state) is not None]
                prompts = [
                    fitted(state.turn, state.profile, self._template, writer.fits) for _, state in going
                ]
                written = writer(prompts)
                loop.run(_all(world.go_on(one) for (world, _), one in zip(going, written, strict=True)))
        return [Trajectory(tuple(world.replies), infos=tuple(world.infos)) for world in worlds]

    async def worth(self, trajectory: Trajectory) -> Worth:
        """The mean of the turns' rewards; None where the user failed, which is no fault of the policy's."""
        infos = trajectory.infos
        if not infos or infos[-1]["failure"] is not None:
            return Worth(None, {})
        rewards = []
        for reply, info in zip(trajectory.replies, infos, strict=True):
            score = (info["profile_reward"] + info["response_reward"]) / 2
            rewards.append(above_floor(reply.text, score))
        figures = {
            **guards([*self._steps(trajectory)]),
            "profile_reward": infos[-1]["profile_reward"],
            "response_reward": fmean(info["response_reward"] for info in infos),
            "questions": float(sum(info["asks"] is not None for info in infos)),
        }
        return Worth(fmean(rewards), figures)

    def _found(self, users: Sequence[Persona]) -> Iterator[tuple[str, tuple[Persona, int]]]:
        """The rows by their names."""
        if self._user_of:
            for one in users:
                yield one.id, (one, 0)
            return
        for one, place in meetings(users, self._turns, SEED):
            yield f"{one.id}@{place}", (one, place)

    def _world(self, persona: Persona, place: int) -> "_World":
        if self._user_of:
            return self._meeting(self._user_of(persona, SEED))
        user = ScriptedUser(persona, SEED, self._template, place)
        return self._meeting(user, user.told)

    def _meeting(self, user: SimulatedUser, told: Sequence[Said] = ()) -> "_World":
        return _World(Environment(lambda _: user, self._template, longest=self._turns), told)

    def _steps(self, trajectory: Trajectory) -> Iterator[Step]:
        """The turns as steps; one whose gold nobody knows, such as a request, is taken to state nothing."""
        for reply, info in zip(trajectory.replies, trajectory.infos, strict=True):
            turn = info["turn"]
            gold = info["gold"] or GoldTurn(user=turn.text, classification="none")
            yield step_of(turn, info["before"], reply.text, gold, self._template)


class _World:
    """One conversation under way."""

    def __init__(self, environment: Environment, told: Sequence[Said]) -> None:
        self._environment, self._told = environment, told
        self.state: Observation | None = None
        self.replies: list[Written] = []
        self.infos: list[Info] = []

    async def begin(self) -> None:
        """The user's first message; without one there is nothing to play."""
        with suppress(PolicyError):
            self.state, _ = await self._environment.reset(SEED, self._told)

    async def go_on(self, written: Written) -> None:
        """What the user makes of a reply."""
        state, _, terminated, truncated, info = await self._environment.step(Action.of(written.text))
        self.replies.append(written)
        self.infos.append(info)
        self.state = None if terminated or truncated else state


async def _all(coroutines: Iterable[Coroutine[None, None, None]]) -> None:
    await asyncio.gather(*coroutines)
