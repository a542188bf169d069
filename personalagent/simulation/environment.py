"""The MDP of the paper (Eq. 2) with a simulated user in it, by Gymnasium's conventions.

It is async, because users may be models, and depends on Gymnasium in no other way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from personalagent.corpora.gold import START, GoldOperation, inference_of
from personalagent.dialogue import Turn
from personalagent.errors import PolicyError
from personalagent.policies.notation import parse_inference
from personalagent.policies.policy import Failure
from personalagent.profile.evidence import gate
from personalagent.profile.log import turn_entry
from personalagent.profile.preference import Inference
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template
from personalagent.simulation.persona import after
from personalagent.simulation.rewards import Wanted, profile_reward, response_reward
from personalagent.simulation.transition import Acted, Standing, act
from personalagent.simulation.user import Move, Said, SimulatedUser

QUESTIONS = 3
"""That one conversation may hold, as in the graph."""
LONGEST = 64
"""Turns of an episode, T_max."""
BETWEEN = timedelta(days=30)
"""From one conversation to the next, as in the histories of the corpus."""

Info = dict[str, Any]


class Observation(NamedTuple):
    """The state s_t = (u_t, p_1:t-1)."""

    turn: Turn
    profile: Profile


class Action(NamedTuple):
    """What the policy makes of a turn, and the words in which it said so."""

    inference: Inference | Failure
    reply: str = ""

    @classmethod
    def of(cls, reply: str) -> "Action":
        """The action that a language model's reply is."""
        return cls(parse_inference(reply), reply)


class Environment:
    """One episode after another, each with a new user, whom `user_of` makes from the seed.

    After a step `info` holds ``profile_reward`` and ``response_reward`` (each 0 to 1; the reward is their
    mean), ``turn`` and ``before`` (the state that was acted in), ``entry`` (what passed the gate, or the
    `Failure` that the action is), ``gold`` (the turn's `GoldTurn`, or None), ``request`` (whether the move is
    judged by a request's gold needs), ``asks`` (the slot that is asked about, or None), ``handed`` (the
    preferences that the reply gets), ``outcome`` (of the question that the turn answers, or None) and
    ``failure`` (the user's, or None: the episode then ends truncated, which is no fault of the agent's).
    """

    def __init__(
        self,
        user_of: Callable[[int], SimulatedUser],
        template: Template,
        *,
        questions: int = QUESTIONS,
        longest: int = LONGEST,
    ) -> None:
        self._user_of, self._template = user_of, template
        self._questions, self._longest = questions, longest
        self._course: _Course | None = None

    async def reset(self, seed: int = 0, told: Sequence[Said] = ()) -> tuple[Observation, Info]:
        """The first state of a new episode. Raises `PolicyError` if the user has nothing to say.

        What the user had `told` before is revealed, and stands in the profile as the gold has it.
        """
        user = self._user_of(seed)
        said = await user.opens()
        if isinstance(said, Failure):
            raise PolicyError(f"the simulated user {user.persona.id} failed: {said.kind}: {said.detail}")
        self._course = _Course(user, self._template, self._questions, said)
        for one in told:
            self._course.knows(one)
        return self._course.hears(said, Move("")), {"persona": user.persona.id}

    async def step(self, action: Action) -> tuple[Observation, float, bool, bool, Info]:
        """The next state, the reward, whether the user is done (terminated) or time is up (truncated), info.

        An action that cannot be read leaves the profile as it is, and its response reward is 0. Of the last
        step the state is the last turn with the profile after it. Raises `RuntimeError` where there is no
        episode to go on with.
        """
        course = self._course
        if course is None:
            raise RuntimeError("there is no episode to go on with: call reset")
        acted, info = course.acts(action)
        reward = (info["profile_reward"] + info["response_reward"]) / 2
        late = course.steps >= self._longest
        said = None if late else await course.user.answers(acted.move)
        info["failure"] = said if isinstance(said, Failure) else None
        if isinstance(said, Said):
            return course.hears(said, acted.move), reward, False, False, info
        self._course = None
        truncated = late or said is not None
        return Observation(course.turn, acted.after.profile), reward, not truncated, truncated, info


@dataclass
class _Course:
    """How far an episode has come."""

    user: SimulatedUser
    template: Template
    questions: int
    said: Said
    standing: Standing = field(default_factory=Standing)
    turns: list[Turn] = field(default_factory=list)
    revealed: tuple[GoldOperation, ...] = ()
    unjudged: set[str] = field(default_factory=set)
    steps: int = 0

    @property
    def turn(self) -> Turn:
        """The last message."""
        return self.turns[-1]

    def knows(self, said: Said) -> None:
        """A message from before the episode, as somebody who knows the gold has read it."""
        self.hears(said, Move(""))
        if said.gold:
            entry = turn_entry(self.turn, gate(inference_of(said.gold), self.turn, self.template))
            self.standing = self.standing._replace(profile=merge(self.standing.profile, entry))

    def hears(self, said: Said, move: Move) -> Observation:
        """The state that a message leads to."""
        if not self.turns or said.session != self.turn.session:
            self.standing = Standing(self.standing.profile, None, self.questions)
        question = self.standing.question
        sessions = list(dict.fromkeys([*(turn.session for turn in self.turns), said.session]))
        index = sum(turn.session == said.session for turn in self.turns)
        turn = Turn(
            user=self.user.persona.id,
            session=said.session,
            index=index,
            text=said.text,
            replying_to=move.text if said.replying_to is None else said.replying_to,
            answers=question.slot if question else None,
            at=START + sessions.index(said.session) * BETWEEN + timedelta(minutes=index),
        )
        self.said, self.turns = said, [*self.turns, turn]
        if said.gold:
            self.revealed = after(self.revealed, said.gold, self.template)
        else:
            self.unjudged.add(turn.key)
        return Observation(turn, self.standing.profile)

    def acts(self, action: Action) -> tuple[Acted, Info]:
        """What comes of the action, and how it is rewarded."""
        before = self.standing
        acted = act(self.turn, self.said, action.inference, before, self.template)
        self.standing = acted.after
        self.steps += 1
        info: Info = {
            "profile_reward": profile_reward(acted.after.profile, self.revealed, self.unjudged),
            "response_reward": self._response_reward(acted, before),
            "turn": self.turn,
            "before": before.profile,
            "entry": acted.entry,
            "gold": self.said.gold,
            "request": acted.request.said.needs is not None,
            "asks": acted.move.asks,
            "handed": acted.handed,
            "outcome": acted.outcome,
        }
        return acted, info

    def _response_reward(self, acted: Acted, before: Standing) -> float:
        if isinstance(acted.entry, Failure):
            return 0.0
        said = acted.request.said
        asked = before.profile.questions
        askable = self.user.persona.slots - asked.keys() if acted.could_ask else frozenset[str]()
        wanted = Wanted(said.needs, askable) if said.request else None
        return response_reward(wanted, acted.move.asks, acted.handed, self.revealed, self.unjudged)
