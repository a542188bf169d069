"""What is prepared once for a template: by its identity, as templates have no hash and compare slowly."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from personalagent.profile.template import Template

MOST_TEMPLATES = 8
"""Kept prepared at a time; more are made anew when they come again."""
Prepared = TypeVar("Prepared")


class PerTemplate(Generic[Prepared]):
    """Makes it on first use, in one thread at a time, and keeps the template: its identity stays its own."""

    def __init__(self, make: Callable[[Template], Prepared]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._kept: dict[int, tuple[Template, Prepared]] = {}

    def __call__(self, template: Template) -> Prepared:
        """What is prepared for this template."""
        with self._making:
            if id(template) not in self._kept:
                made = self._make(template)
                while len(self._kept) >= MOST_TEMPLATES:
                    del self._kept[next(iter(self._kept))]
                self._kept[id(template)] = (template, made)
            return self._kept[id(template)][1]
