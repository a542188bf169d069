"""A preference p, its evidence, and the inference p_n that proposes it (paper, sec. 3.1 and 3.2)."""

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from personalagent.dialogue import Frozen

Kind = Literal["one", "many", "scale"]
Polarity = Literal["neutral", "like", "dislike", "avoid"]
Classification = Literal["new", "update", "retract", "none"]
Action = Literal["assert", "retract"]
Unread = Literal["", "language", "length"]

SlotId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+){2}$", max_length=120)]
Share = Annotated[float, Field(ge=0, le=1)]


class Evidence(Frozen):
    """The verbatim span of a user turn that states or implies a preference."""

    quote: str = Field(min_length=1, max_length=400)
    start: int = Field(0, ge=0, description="offset of the quote in the turn's text, in characters")


class Preference(Frozen):
    """A value for a slot: what, how strongly, how surely, and when it applies."""

    slot: SlotId
    value: str = Field(max_length=200)
    polarity: Polarity = "neutral"
    strength: Share = Field(0.5, description="how much it matters to the user")
    confidence: Share = Field(0.8, description="how sure the policy is that it was said")
    scope: str | None = Field(None, max_length=80, description='when it applies, "when travelling for work"')
    kind: Kind = Field("many", description="the slot's kind when this was written")

    @property
    def cell(self) -> tuple[str, str]:
        """Two preferences of a slot with the same cell exclude each other."""
        scope = normalise(self.scope or "")
        return (scope, normalise(self.value)) if self.kind == "many" else (scope, "")

    def says_the_same(self, other: "Preference") -> bool:
        """Whether both state the same value with the same polarity."""
        return normalise(self.value) == normalise(other.value) and self.polarity == other.polarity


class Operation(Frozen):
    """One proposed change of the profile. A retraction with an empty value clears the slot."""

    action: Action = "assert"
    preference: Preference
    evidence: Evidence
    outright: bool = Field(True, description="stated in so many words, not implied")


class Need(Frozen):
    """A slot that a request depends on, and how much (0 to 1)."""

    slot: SlotId
    weight: Share


class Inference(Frozen):
    """The action p_n of the policy for one turn: operations, and what kind of turn it was."""

    operations: tuple[Operation, ...] = ()
    classification: Classification = "none"
    unread: Unread = Field("", description="why the policy could not read the turn, or all of it")
    needs: tuple[Need, ...] | None = Field(
        None, description="what the turn needs as a request, where the policy says that in the same breath"
    )


def normalise(value: str) -> str:
    """The value as it is compared: case, punctuation and spacing do not tell values apart."""
    return re.sub(r"[\W_]+", " ", value.casefold()).strip() or value.strip()


def describe(preference: Preference) -> str:
    """The preference in words: its polarity and scope where they matter."""
    value = preference.value
    if preference.polarity != "neutral":
        value = f"{preference.polarity}s {value}"
    return f"{value} ({preference.scope})" if preference.scope else value
