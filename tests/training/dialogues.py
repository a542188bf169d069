"""Three short dialogues with gold, and what can be answered to them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from personalagent.corpora.gold import GoldOperation, GoldTurn
from personalagent.policies.notation import write_inference
from personalagent.policies.policy import Failure
from personalagent.profile.preference import Inference
from personalagent.profile.template import load_template
from personalagent.simulation.persona import Persona
from personalagent.simulation.scripted import ScriptedUser
from personalagent.simulation.user import Move, Said
from personalagent.training.episodes import Episode, lessons
from personalagent.training.judging import GoldJudge
from personalagent.training.players import Dialogues, Trajectory, Worth, Writer, Written
from tests.make import CITY, DIET, infers, states, turn

TEMPLATE = load_template()
GONE = Failure(kind="unreachable", detail="gone")
JOB = "career.job.occupation"
NOTHING = write_inference(Inference())
WRONG = write_inference(infers(states(DIET, "cake", "cake")))
"""It quotes nothing that anybody says here."""


def dialogues() -> list[Episode]:
    """Two of two turns, and one of one."""
    said = {
        "nurse": (_told("i am a nurse", JOB, "nurse"), _told("we live in Lisbon", CITY, "Lisbon")),
        "vegan": (
            _told("no meat for me", DIET, "no meat"),
            GoldTurn(user="lovely day", classification="none"),
        ),
        "baker": (_told("i am a baker", JOB, "baker"),),
    }
    return [
        Episode(name, name, tuple(turn(g.user, user=name, index=n) for n, g in enumerate(golds)), golds)
        for name, golds in said.items()
    ]


def _told(text: str, slot: str, value: str) -> GoldTurn:
    stated = GoldOperation(slots=(slot,), value=value, evidence=text)
    return GoldTurn(user=text, classification="new", operations=(stated,))


RIGHT = {
    lesson.turn.text: write_inference(lesson.inference)
    for one in dialogues()
    for lesson in lessons(one, TEMPLATE)
}
"""The right reply to each message."""


def player() -> Dialogues:
    """Who plays the dialogues, judged by their gold."""
    return Dialogues(dialogues(), GoldJudge(TEMPLATE), TEMPLATE, turns=2)


class Fixed:
    """Four trajectories of two turns, the same however many processes share them, whatever the model writes.

    What each process got from the model stands in `folder`: how many replies in each call.
    """

    WORTH = (1.0, 0.5, 0.25, 0.0)

    def __init__(self, folder: Path) -> None:
        self._folder, self._rank = folder, int(os.environ.get("RANK", "0"))

    @property
    def names(self) -> list[str]:
        """Of one dialogue."""
        return ["one"]

    def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
        """Those of this process; the second process has nothing to ask in the second turn."""
        asked = [{"role": "user", "content": "hello"}]
        got = [
            len(writer([asked] * len(names))),
            len(writer([asked] * (len(names) if not self._rank else 0))),
        ]
        (self._folder / f"replies-{self._rank}.json").write_text(json.dumps(got), "utf-8")
        first = self._rank * len(names)
        return [self._trajectory(first + number) for number in range(len(names))]

    async def worth(self, trajectory: Trajectory) -> Worth:
        """By its number."""
        number = int(trajectory.replies[0].text)
        return Worth(self.WORTH[number], {"number": float(number)})

    @staticmethod
    def _trajectory(number: int) -> Trajectory:
        said = [Written(str(number), [5, 6, 7 + t], [20 + number, 30 + t]) for t in range(2 - number % 2)]
        return Trajectory(tuple(said))


class Fails:
    """A simulated user who says so many messages and is gone."""

    def __init__(self, persona: Persona, seed: int, after: int) -> None:
        self._user, self._left = ScriptedUser(persona, seed, TEMPLATE), after

    @property
    def persona(self) -> Persona:
        return self._user.persona

    async def opens(self) -> Said | Failure:
        return await self._user.opens() if self._left else GONE

    async def answers(self, agent: Move) -> Said | Failure | None:
        self._left -= 1
        return await self._user.answers(agent) if self._left else GONE
