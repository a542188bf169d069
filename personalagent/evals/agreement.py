"""`python -m personalagent.evals.agreement OUT`: a second annotator held against gold, as a policy is.

What two careful readers make of the same turns bounds what a policy can be asked for.
"""

import json
import sys
from pathlib import Path
from typing import Any

from personalagent.corpora import gold
from personalagent.dialogue import Turn
from personalagent.evals.reader import ReadTurn
from personalagent.evals.turns import Turns
from personalagent.profile.evidence import Gated
from personalagent.profile.log import turn_entry
from personalagent.profile.profile import Profile

_UNTOLD = ("ms_per_turn_p50", "calibration_error")
"""An annotator has neither a speed nor a confidence."""


def agreement() -> dict[str, Any]:
    """The second annotation's figures on the turns that it covers, by the names of `eval turns`."""
    told = {one.id: one for one in gold.dialogues(None, "test")}
    counts = Turns()
    for mine in gold.second():
        its = told[mine.id]
        turns = gold.history(its.persona, [its]).turns
        for turn, read, truth in zip(turns, mine.turns, its.turns, strict=True):
            counts.add(_read(turn, read), truth)
    figures = {key: value for key, value in counts.figures().items() if key not in _UNTOLD}
    return {"benchmark": "turns", "split": "test", "policy": "second annotator", **figures}


def _read(turn: Turn, told: gold.GoldTurn) -> ReadTurn:
    return ReadTurn(turn, turn_entry(turn, Gated(inference=gold.inference_of(told))), Profile(), 0.0)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(agreement(), indent=1) + "\n", encoding="utf-8")
