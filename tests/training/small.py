"""What the tests of GRPO share: runs of no size, and players that are watched."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from personalagent.simulation.persona import Persona
from personalagent.training.config import GrpoConfig, load
from personalagent.training.players import Player, Trajectory, Worth, Writer
from personalagent.training.watching import lines
from tests.simulation.people import ann
from tests.training.models import recipe

G, T = 4, 2
SMALL: dict[str, Any] = {
    "batch_size": 3,
    "micro_batch_size": 8,
    "turns": T,
    "num_generations": G,
    "max_completion_length": 8,
    "beta": 0.0,
    "max_steps": 2,
    "learning_rate": 3e-3,
    "lr_scheduler": "constant",
}
"""Three dialogues, a step of 24 rows."""


def file_of(model: Path, folder: Path, tables: str = "", **keys: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "run.toml"
    file.write_text(recipe(model, folder / "out", "grpo", **{**SMALL, **keys}) + tables, "utf-8")
    return file


def told(model: Path, folder: Path, tables: str = "", **keys: Any) -> GrpoConfig:
    return load(file_of(model, folder, tables, **keys), "grpo")


def logged(folder: Path) -> list[dict[str, Any]]:
    return lines(folder / "out" / "metrics.jsonl")


class Kept:
    """A player whose trajectories are kept, with other returns than their own if it is told which."""

    def __init__(self, plays: Player, returns: Sequence[float | None] = ()) -> None:
        self._plays, self.returns = plays, returns
        self.played: list[Trajectory] = []
        self.worths: dict[int, Worth] = {}

    @property
    def names(self) -> list[str]:
        return self._plays.names

    def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
        self.played = self._plays.play(names, writer)
        return self.played

    async def worth(self, trajectory: Trajectory) -> Worth:
        number = next(n for n, one in enumerate(self.played) if one is trajectory)
        found = await self._plays.worth(trajectory)
        if self.returns:
            found = Worth(self.returns[number], found.figures)
        self.worths[number] = found
        return found


def people() -> list[Persona]:
    """Three who have the same things to say."""
    return [ann().model_copy(update={"id": name}) for name in ("ann", "eve", "mia")]
