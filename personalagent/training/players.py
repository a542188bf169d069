"""Who plays the trajectories of GRPO and says what they are worth: dialogues with gold, simulated users."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from statistics import fmean
from typing import NamedTuple, Protocol

from personalagent.errors import DataError, PolicyError
from personalagent.policies.policy import Failure
from personalagent.profile.template import Template
from personalagent.simulation.environment import Action, Environment, Info, Observation
from personalagent.simulation.persona import Persona
from personalagent.simulation.scripted import ScriptedUser
from personalagent.simulation.user import SimulatedUser
from personalagent.training.episodes import Episode, Step
from personalagent.training.judging import Judge
from personalagent.training.rewards import FORMAT_CAP, Kind, format_share, trajectory_return
from personalagent.training.rollouts import Messages, fitted, play


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


class Simulated:
    """RLPA: a simulated user reveals herself, asks, and answers questions; two rewards (arXiv 2505.15456).

    R_j is the mean of the profile reward and the response reward, below it the floor of the format. All
    rollouts of a persona meet the same user, whenever and wherever they are played: a run that was stopped
    goes on as if it had not been.
    """

    def __init__(
        self,
        users: Sequence[Persona],
        template: Template,
        *,
        turns: int,
        user_of: Callable[[Persona, int], SimulatedUser] | None = None,
    ) -> None:
        self._personas = {one.id: one for one in users}
        if not self._personas:
            raise DataError("there is no persona to train on")
        self._template, self._turns = template, turns
        self._user_of = user_of or (lambda persona, seed: ScriptedUser(persona, seed, template))

    @property
    def names(self) -> list[str]:
        """The ids of the personas."""
        return list(self._personas)

    def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
        """A conversation each, until the user is done, or fails, or the turns are over."""
        worlds = [_World(self._environment(name)) for name in names]
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
        response = [info["response_reward"] for info in infos]
        rewards = []
        for reply, info in zip(trajectory.replies, infos, strict=True):
            floor = FORMAT_CAP * format_share(reply.text)
            rewards.append(floor + (1 - floor) * (info["profile_reward"] + info["response_reward"]) / 2)
        figures = {
            "profile_reward": infos[-1]["profile_reward"],
            "response_reward": fmean(response),
            "questions": float(sum(info["asks"] is not None for info in infos)),
            "malformed": fmean(isinstance(info["entry"], Failure) for info in infos),
        }
        return Worth(fmean(rewards), figures)

    def _environment(self, name: str) -> Environment:
        persona = self._personas[name]
        return Environment(lambda seed: self._user_of(persona, seed), self._template, longest=self._turns)


class _World:
    """One conversation under way."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.state: Observation | None = None
        self.replies: list[Written] = []
        self.infos: list[Info] = []

    async def begin(self) -> None:
        """The user's first message; without one there is nothing to play."""
        with suppress(PolicyError):
            self.state, _ = await self._environment.reset()

    async def go_on(self, written: Written) -> None:
        """What the user makes of a reply."""
        state, _, terminated, truncated, info = await self._environment.step(Action.of(written.text))
        self.replies.append(written)
        self.infos.append(info)
        self.state = None if terminated or truncated else state


async def _all(coroutines: Iterable[Coroutine[None, None, None]]) -> None:
    await asyncio.gather(*coroutines)
