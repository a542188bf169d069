"""What the reader learns from: user turns with marked values (labels by character, no tokens yet)."""

from dataclasses import dataclass, field

from personalagent.dialogue import Turn
from personalagent.policies.tags import Mark


@dataclass(frozen=True, slots=True)
class Marked:
    """A span of the text, what it is, and the slots that it may stand for."""

    start: int
    end: int
    mark: Mark
    slots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One user turn to learn from; `unsure` spans teach nothing."""

    text: str
    replying_to: str = ""
    marks: tuple[Marked, ...] = ()
    unsure: tuple[tuple[int, int], ...] = ()
    source: str = field(default="", compare=False)

    @property
    def silent(self) -> bool:
        """Whether the turn says nothing lasting."""
        return not self.marks


@dataclass(frozen=True, slots=True)
class Pair:
    """A request, a slot's or preference's text, and how much it bears on the request (0 to 1)."""

    request: str
    text: str
    bears: float
    weight: float = 1.0


def of_turn(turn: Turn, marks: tuple[Marked, ...], source: str) -> Example:
    """The example that a turn of a dialogue makes."""
    return Example(text=turn.text, replying_to=turn.replying_to, marks=marks, source=source)
