"""Rollouts of the MDP (paper, Eq. 2): the policy's own profile goes into its next prompt; history is gone.

s_t = (u_t, p_1:t-1), a_t = p_t; the transition is the gate and the merge of production.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from personalagent.dialogue import Turn
from personalagent.errors import SettingError
from personalagent.policies.budget import own_words, tidy
from personalagent.policies.notation import parse_inference, write_inference
from personalagent.policies.policy import Failure, Policy
from personalagent.policies.prompt import MOST_MESSAGE, inference_prompt
from personalagent.profile.evidence import Gated, gate
from personalagent.profile.log import TurnEntry, turn_entry
from personalagent.profile.preference import Inference
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template
from personalagent.training.episodes import Episode, Gold, Step

Messages = list[dict[str, str]]
LONGEST_REPLY = 400
"""Characters of the reply before the message, from its end, that a prompt may show."""
_SHORT = 40
"""Characters of a message; before less is left of it the profile is left out."""


class Reply(Protocol):
    """What a writer wrote, with whatever else it knows of it."""

    @property
    def text(self) -> str:
        """The reply's words."""
        ...


R = TypeVar("R", bound=Reply)


class Rollout(NamedTuple, Generic[R]):
    """One trajectory: its steps, and the writer's reply at each."""

    episode: Episode
    steps: tuple[Step, ...]
    replies: tuple[R, ...]


def play(
    episodes: Sequence[Episode],
    write: Callable[[Sequence[Messages]], Sequence[R]],
    template: Template,
    fits: Callable[[Messages], bool] = lambda _: True,
    *,
    turns: int | None = None,
) -> list[Rollout[R]]:
    """The episodes side by side, turn by turn: one call of `write` for all that are not over yet.

    `fits` says whether a prompt is short enough; see `fitted`. `turns` is how often `write` is called, if not
    as often as the longest episode has turns.
    """
    profiles = [one.before for one in episodes]
    steps: list[list[Step]] = [[] for _ in episodes]
    replies: list[list[R]] = [[] for _ in episodes]
    longest = max((len(one.turns) for one in episodes), default=0)
    for t in range(longest if turns is None else turns):
        going = [k for k, one in enumerate(episodes) if t < len(one.turns)]
        prompts = [fitted(episodes[k].turns[t], profiles[k], template, fits) for k in going]
        for k, reply in zip(going, write(prompts), strict=True):
            turn, told = episodes[k].turns[t], episodes[k].gold[t]
            steps[k].append(step_of(turn, profiles[k], reply.text, told, template))
            replies[k].append(reply)
            profiles[k] = merge(profiles[k], steps[k][-1].entry)
    return [Rollout(*row) for row in zip(episodes, map(tuple, steps), map(tuple, replies), strict=True)]


def step_of(turn: Turn, before: Profile, reply: str, told: Gold, template: Template) -> Step:
    """The step that a reply makes: parsed, gated, and as an entry for the log."""
    inference = parse_inference(reply)
    return Step(turn, before, reply, inference, _entry(turn, inference, template), told)


async def play_policy(episode: Episode, policy: Policy, template: Template) -> list[Step]:
    """The steps of any policy, so that it can be held against a model in training."""
    profile, steps = episode.before, []
    for turn, told in zip(episode.turns, episode.gold, strict=True):
        inference = await policy.infer(turn, profile, template)
        written = inference.detail if isinstance(inference, Failure) else write_inference(inference)
        steps.append(Step(turn, profile, written, inference, _entry(turn, inference, template), told))
        profile = merge(profile, steps[-1].entry)
    return steps


def fitted(turn: Turn, profile: Profile, template: Template, fits: Callable[[Messages], bool]) -> Messages:
    """The prompt for a turn; while it does not fit, with less of message and reply, then without the profile.

    Never cut: instructions, slots and marks. Raises `SettingError` if these alone do not fit.
    """
    for less, held in _ever_less(turn, profile):
        messages = inference_prompt(less, held, template, turn.at).messages
        if fits(messages):
            return messages
    raise SettingError("max_prompt_length leaves no room for the instructions and the slots")


def _ever_less(turn: Turn, profile: Profile) -> Iterator[tuple[Turn, Profile]]:
    """The turn with its profile, then with half of message and reply, and so on; the profile goes late."""
    yield turn, profile
    text, reply = own_words(tidy(turn.text), MOST_MESSAGE), turn.replying_to[-LONGEST_REPLY:]
    while len(text) > 1 or reply:
        text, reply = text[: max(1, len(text) // 2)], reply[len(reply) // 2 + 1 :]
        held = profile if len(text) >= _SHORT else Profile()
        yield turn.model_copy(update={"text": text, "replying_to": reply}), held


def _entry(turn: Turn, inference: Inference | Failure, template: Template) -> TurnEntry:
    if isinstance(inference, Failure):
        return turn_entry(turn, Gated(inference=Inference()))
    return turn_entry(turn, gate(inference, turn, template))
