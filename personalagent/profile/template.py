"""The profile's vocabulary: categories, subcategories and slots, as data (paper, sec. 3.2 and App. A)."""

import json
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from personalagent.dialogue import Frozen
from personalagent.errors import TemplateError
from personalagent.profile.preference import Kind, Share, SlotId

Sensitivity = Literal["plain", "personal", "special"]
Line = Annotated[str, StringConstraints(min_length=1, max_length=140, pattern=r"^[^\n]*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$", max_length=40)]
Cue = Annotated[str, StringConstraints(min_length=2, max_length=60, to_lower=True)]

OPEN = "other"
"""The subcategory of open slots, ``category.other.NAME``: for what the template lacks."""


class Slot(Frozen):
    """One attribute of a person."""

    id: SlotId
    name: Line
    description: Line
    kind: Kind
    half_life_days: int | None = Field(None, ge=1, description="None: never goes stale")
    sensitivity: Sensitivity = "plain"
    question: Line
    needed_for: dict[str, Share] = Field(
        {}, description="request kind -> how much a good answer depends on it"
    )
    cues: tuple[Cue, ...] = ()
    examples: tuple[Line, Line, Line]

    @property
    def category(self) -> str:
        """The id of the slot's category."""
        return self.id.split(".", 1)[0]


class Subcategory(Frozen):
    """A group of slots."""

    id: Name
    name: Line
    slots: tuple[Slot, ...] = Field(min_length=1)


class Category(Frozen):
    """One of the major categories."""

    id: Name
    name: Line
    description: Line
    subcategories: tuple[Subcategory, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_fit(self) -> "Category":
        for sub in self.subcategories:
            if sub.id == OPEN:
                raise ValueError(f"subcategory {self.id}.{OPEN} is reserved for open slots")
            for slot in sub.slots:
                if not slot.id.startswith(f"{self.id}.{sub.id}."):
                    raise ValueError(f"slot {slot.id} stands under {self.id}.{sub.id}")
        return self


class RequestKind(Frozen):
    """A kind of request, and the words by which it is known."""

    id: Name
    name: Line
    cues: tuple[Cue, ...] = Field(min_length=1)


class Template(Frozen):
    """All slots that a profile may hold, and the kinds of requests that depend on them."""

    requests: tuple[RequestKind, ...] = ()
    categories: tuple[Category, ...]

    @cached_property
    def slots(self) -> dict[str, Slot]:
        """The slots by id, in the template's order."""
        return {
            slot.id: slot
            for category in self.categories
            for sub in category.subcategories
            for slot in sub.slots
        }

    @property
    def subcategory_count(self) -> int:
        """How many subcategories there are in all categories."""
        return sum(len(category.subcategories) for category in self.categories)

    def slot(self, slot_id: str) -> Slot | None:
        """The slot of this id, an open slot for ``category.other.NAME``, or None."""
        known = self.slots.get(slot_id)
        if known is not None:
            return known
        category, _, rest = slot_id.partition(".")
        subcategory, _, name = rest.partition(".")
        if subcategory != OPEN or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            return None
        return _open_slot(slot_id, name) if any(c.id == category for c in self.categories) else None

    def keep(self, count: int) -> "Template":
        """The template with all but its first `count` categories masked (paper, Table 5)."""
        if not 1 <= count <= len(self.categories):
            raise ValueError(f"keep takes 1 to {len(self.categories)} categories, not {count}")
        return Template(requests=self.requests, categories=self.categories[:count])

    def extended(self, extra: "Template") -> "Template":
        """This template with another one's request kinds, categories and slots added.

        What stands in both is taken from `extra`.
        """
        requests = {kind.id: kind for kind in (*self.requests, *extra.requests)}
        categories = {category.id: category for category in self.categories}
        for category in extra.categories:
            mine = categories.get(category.id)
            categories[category.id] = _joined(mine, category) if mine else category
        return Template(requests=tuple(requests.values()), categories=tuple(categories.values()))


@lru_cache(maxsize=8)
def load_template(extra: Path | None = None) -> Template:
    """The template that ships with the package, extended by the user's own file if one is given.

    Raises `TemplateError`, whose message starts with ``file:line``, if that file cannot be used.
    """
    shipped = resources.files("personalagent.profile") / "template.json"
    template = _parse(shipped.read_text(encoding="utf-8"), "template.json")
    if extra is None:
        return template
    try:
        text = extra.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{extra}:1: cannot be read: {error}") from error
    own = _parse(text, str(extra))
    whole = template.extended(own)
    _known_kinds(own, whole, text, str(extra))
    return whole


def _parse(text: str, name: str) -> Template:
    try:
        template = Template.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise _syntax_error(text, name, first["msg"]) from error
        where = ".".join(str(part) for part in first["loc"])
        line = line_of(text, first["loc"])
        raise TemplateError(f"{name}:{line}: {where or 'the file'}: {first['msg']}") from error
    _no_slot_twice(template, text, name)
    return template


def _syntax_error(text: str, name: str, message: str) -> TemplateError:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return TemplateError(f"{name}:{error.lineno}: not valid JSON: {error.msg}")
    return TemplateError(f"{name}:1: {message}")


def _no_slot_twice(template: Template, text: str, name: str) -> None:
    seen: set[str] = set()
    for path, slot in _slots_with_paths(template):
        if slot.id in seen:
            raise TemplateError(f"{name}:{line_of(text, path)}: slot {slot.id} stands there twice")
        seen.add(slot.id)


def _known_kinds(own: Template, whole: Template, text: str, name: str) -> None:
    kinds = {kind.id for kind in whole.requests}
    for path, slot in _slots_with_paths(own):
        for kind in slot.needed_for:
            if kind not in kinds:
                line = line_of(text, (*path, "needed_for", kind))
                raise TemplateError(f"{name}:{line}: slot {slot.id} names the unknown request kind {kind!r}")


def _slots_with_paths(template: Template) -> list[tuple[tuple[str | int, ...], Slot]]:
    return [
        (("categories", i, "subcategories", j, "slots", k), slot)
        for i, category in enumerate(template.categories)
        for j, sub in enumerate(category.subcategories)
        for k, slot in enumerate(sub.slots)
    ]


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line (from 1) of the value at `path` in a JSON text, or of the nearest value around it.

    The json module gives lines for syntax errors only; a wrong value needs its line as well.
    """
    here: list[str | int] = []
    best, depth, key = 1, -1, ""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "}]":
            here.pop()
        elif token == ",":
            here[-1] = here[-1] + 1 if isinstance(here[-1], int) else ""
        elif token == ":":
            here[-1] = json.loads(key)
        elif here and here[-1] == "":
            key = token
        else:
            if list(path[: len(here)]) == here and len(here) > depth:
                best, depth = text.count("\n", 0, match.start()) + 1, len(here)
            if token in "{[":
                here.append("" if token == "{" else 0)
    return best


def _open_slot(slot_id: str, name: str) -> Slot:
    title = name.replace("_", " ")
    return Slot(
        id=slot_id,
        name=title.capitalize(),
        description=f"Open slot: {title}.",
        kind="many",
        half_life_days=730,
        sensitivity="personal",
        question=f"What should I know about {title}?",
        examples=(title, title, title),
    )


def _joined(mine: Category, extra: Category) -> Category:
    subs = {sub.id: sub for sub in mine.subcategories}
    for sub in extra.subcategories:
        old = subs.get(sub.id)
        slots = {slot.id: slot for slot in ((*old.slots, *sub.slots) if old else sub.slots)}
        subs[sub.id] = sub.model_copy(update={"slots": tuple(slots.values())})
    return extra.model_copy(update={"subcategories": tuple(subs.values())})
