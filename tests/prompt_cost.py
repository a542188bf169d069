"""`python -m tests.prompt_cost OUT`: what reading a turn costs, in calls and in tokens of cl100k.

The corpus's test dialogues go through the whole graph; a scripted server answers with the gold inferences,
so that profiles grow as they should, and counts what it is asked in GPT-4's own encoding.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from personalagent.corpora import gold
from personalagent.evals.serving import drive
from personalagent.graph.context import Context
from personalagent.policies.notation import write_inference
from personalagent.policies.prompt import PROMPT_TOKENS, TEMPLATE_TOKENS
from tests.policies.cl100k import tokens
from tests.scripted_server import Body, Says, ScriptedServer


def main() -> None:
    """Measure, and write the figures to a file."""
    spoken = gold.dialogues(None, "test")
    told = {" ".join(turn.user.split()): gold.inference_of(turn) for one in spoken for turn in one.turns}
    costs: list[int] = []

    def answer(body: Body) -> Says:
        asked = [message["content"] for message in body["messages"]]
        message = asked[-1].rsplit("<message>\n", 1)[1].rsplit("\n</message>", 1)[0]
        costs.append(TEMPLATE_TOKENS + sum(map(tokens, asked)))
        reply = write_inference(told[" ".join(message.split())].model_copy(update={"needs": ()}))
        return Says(reply, prompt_tokens=costs[-1], completion_tokens=tokens(reply))

    with ScriptedServer(otherwise=answer) as server:
        context = Context(policy="openai:pa", policy_url=server.url)
        driven = asyncio.run(drive(context, 1, spoken, lambda: None))
        requests = len(server.requests)
    kept = ("turns", "calls_per_turn", "input_tokens_per_turn", "output_tokens_per_turn", "valid_share")
    figures: dict[str, Any] = {
        "benchmark": "prompt",
        "split": "test",
        "policy": "PersonalAgent",
        **{name: driven[name] for name in kept},
        "requests_per_turn": requests / driven["turns"],
        "input_tokens_p95": sorted(costs)[int(0.95 * len(costs))],
        "input_tokens_most": max(costs),
        "input_tokens_limit": PROMPT_TOKENS,
    }
    Path(sys.argv[1]).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
