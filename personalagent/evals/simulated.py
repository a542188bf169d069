"""Simulated users: everybody of a split of the corpus meets the agent (RLPA's setting, without a model)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from personalagent.corpora.gold import Split
from personalagent.corpora.matching import ratio
from personalagent.errors import DataError, PolicyError
from personalagent.evals.reader import Evaluated
from personalagent.policies.policy import Failure
from personalagent.simulation.acting import acts
from personalagent.simulation.environment import Environment, Info
from personalagent.simulation.persona import Persona, personas
from personalagent.simulation.scripted import ScriptedUser

SPLITS = ("dev", *(split for split in get_args(Split) if split != "dev"))
SEED = 0


async def run(
    what: Evaluated, folder: Path | None, split: str, advance: Callable[[int, int], None]
) -> dict[str, Any]:
    """The figures of a split of the corpus (in `folder`, or the one that ships).

    `profile_reward` is the mean over the personas of what it is at the end, `response_reward` over the moves
    that requests with gold needs led to. `intrusions_per_100`: questions where nothing was asked for, per
    hundred turns without such a request; the shares are of all questions. Raises `DataError` where the split
    is empty, `PolicyError` if the policy cannot read any turn: its server is out, or it crashes.
    """
    name: Split = split  # type: ignore[assignment]  # one of SPLITS: the command has checked it
    everybody = personas(what.template, folder, name)
    if not everybody:
        raise DataError(f"the corpus has no dialogues in the split {split}")
    steps: list[Info] = []
    ends: list[float] = []
    for number, persona in enumerate(everybody, start=1):
        played = await play(what, persona)
        steps += played
        ends.append(played[-1]["profile_reward"])
        advance(number, len(everybody))
    judged = [info["response_reward"] for info in steps if info["request"]]
    asked = [info for info in steps if info["asks"]]
    requests = sum(len(persona.requests) for persona in everybody)
    idle = [info for info in steps if not info["request"]]
    intrusions = sum(bool(info["asks"]) and info["response_reward"] == 0 for info in idle)
    outcomes = [info["outcome"] for info in steps if info["outcome"]]
    return {
        "personas": len(everybody),
        "turns": len(steps),
        "requests": requests,
        "profile_reward": ratio(sum(ends), len(ends)),
        "response_reward": ratio(sum(judged), len(judged)),
        "questions": len(asked),
        "questions_per_request": ratio(sum(info["request"] for info in asked), requests),
        "intrusions_per_100": ratio(100 * intrusions, len(idle)),
        "answered_share": ratio(outcomes.count("answered"), len(asked)),
        "declined_share": ratio(outcomes.count("declined"), len(asked)),
    }


async def play(what: Evaluated, persona: Persona) -> list[Info]:
    """What came of each step of one persona's episode; turns that could not be read are added to `unread`."""
    environment = Environment(lambda seed: ScriptedUser(persona, seed, what.template), what.template)
    state, _ = await environment.reset(SEED)
    steps: list[Info] = []
    over = False
    while not over:
        action = await acts(what.policy, state, what.template)
        if isinstance(failure := action.inference, Failure):
            if failure.kind not in ("malformed", "truncated", "refused"):
                where = f"turn {state.turn.index} of {state.turn.session}"
                raise PolicyError(f"the policy failed on {where}: {failure.detail}")
            what.unread.append(failure)
        state, _, terminated, truncated, info = await environment.step(action)
        steps.append(info)
        over = terminated or truncated
    return steps
