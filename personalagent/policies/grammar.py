"""The notation as a grammar for guided decoding: what follows it can be parsed, and names real slots only.

GBNF, which vLLM takes with either of its back ends, xgrammar and guidance. Everything is bounded, so that a
reply comes to its end.
"""

import json
from collections.abc import Iterable

from personalagent.policies.notation import (
    CLASSIFICATION,
    GRADES,
    NEEDS,
    PERSONAL,
    PERSONALITY,
    PROFILE,
    VERBS,
)
from personalagent.profile.template import OPEN, Template

MOST_OPERATIONS, MOST_PERSONAL, MOST_NEEDS = 6, 2, 4
LONGEST_VALUE, LONGEST_SCOPE, LONGEST_QUOTE = 48, 32, 96
"""Characters; 99 in 100 values and evidences of the corpus are shorter."""

_BEYOND_ASCII = "\u00a1-\ud7ff\uf900-\ufffc\U00010000-\U0001faff"
"""The characters themselves, and as what is allowed: escapes, and surrogates let in by what is forbidden, are
read in different ways by the two back ends."""
_INNER = f"[ !#-;=?-Z^-{{}}-~{_BEYOND_ASCII}]"
"""A character of a value: no control characters, none of the marks " < > [ ] and |."""
_OUTER = _INNER.replace("[ ", "[")
_FIRST = _OUTER.replace("=?-Z", "?-Z")
"""A value does not begin with what stands before it."""
_QUOTED = f"[ !#-;=-~{_BEYOND_ASCII}]"
"""A character of a quotation: no mark that ends it, and none that could begin the end of its block."""


def reply_grammar(template: Template) -> str:
    """The grammar of a reply (see `notation`) over this template's slots and its open ones."""
    personal = [slot for slot in template.slots if slot.startswith(PERSONAL)]
    others = [slot for slot in template.slots if not slot.startswith(PERSONAL)]
    categories = [category.id for category in template.categories]
    rules = {
        "root": " ".join(
            (
                _said(f"<{PROFILE}>\n"),
                f"line{{0,{MOST_OPERATIONS}}}",
                _said(f"</{PROFILE}>\n<{PERSONALITY}>\n"),
                f"trait{{0,{MOST_PERSONAL}}}",
                _said(f"</{PERSONALITY}>\n<{CLASSIFICATION}>"),
                f"({_any(('new', 'update', 'retract', 'none'))})",
                _said(f"</{CLASSIFICATION}>\n<{NEEDS}>\n"),
                f"need{{0,{MOST_NEEDS}}}",
                _said(f"</{NEEDS}>"),
            )
        ),
        "line": "slot says",
        "trait": "personal says",
        "need": f'(slot | personal) " = " ({_any(GRADES)}) "\\n"',
        "says": '(" = " taste? value scope? | " -=" (" " value scope?)?) " | \\"" quote "\\"\\n"',
        "taste": _any(verb for verb in VERBS.values() if verb),
        "value": f"{_FIRST} ({_INNER}{{0,{LONGEST_VALUE - 2}}} {_OUTER})?",
        "scope": f'" [" {_OUTER} ({_INNER}{{0,{LONGEST_SCOPE - 2}}} {_OUTER})? "]"',
        "quote": f"{_QUOTED}{{1,{LONGEST_QUOTE}}}",
        "slot": _slots(others, (c for c in categories if f"{c}." != PERSONAL)),
        "personal": _slots(personal, (c for c in categories if f"{c}." == PERSONAL)),
        "name": "[a-z] [a-z0-9_]{0,30}",
    }
    if not personal and "personality" not in categories:
        rules["root"] = rules["root"].replace(f" trait{{0,{MOST_PERSONAL}}}", "")
        rules["need"] = rules["need"].replace("(slot | personal)", "slot")
        del rules["trait"], rules["personal"]
    return "\n".join(f"{name} ::= {rule}" for name, rule in rules.items()) + "\n"


def _slots(known: Iterable[str], categories: Iterable[str]) -> str:
    opened = (f"{_said(f'{category}.{OPEN}.')} name" for category in categories)
    return " | ".join((*map(_said, known), *opened))


def _any(words: Iterable[str]) -> str:
    return " | ".join(map(_said, words))


def _said(text: str) -> str:
    """The text as a literal; JSON's escapes are GBNF's."""
    return json.dumps(text)
