"""`python -m personalagent.evals.serving`: the graph over a served policy, at growing concurrency."""

import argparse
import asyncio
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from rich.console import Console
from rich.progress import Progress

from personalagent.corpora import gold
from personalagent.corpora.gold import GoldDialogue
from personalagent.graph.agent import PersonalAgent, create_personal_agent
from personalagent.graph.context import Context, keys_from_env
from personalagent.policies.choose import policy_named
from personalagent.policies.metering import Usage
from personalagent.stores.backends import open_backend

AT_ONCE = (1, 8, 32)
DIALOGUES = {1: 6, 8: 16, 32: 38}
"""How many of the test split's dialogues are driven at each level; none is driven twice."""
_COUNTERS = {"queries": "vllm:prefix_cache_queries", "hits": "vllm:prefix_cache_hits"}


@dataclass
class Driven:
    """What came of the turns."""

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    usage: Usage = field(default_factory=Usage)
    operations: int = 0
    rejected: int = 0

    def add(self, state: dict[str, Any], seconds: float) -> None:
        """Count one run of the graph."""
        self.seconds.append(seconds)
        own = [one["kind"] for one in state["failures"] if one.get("turn") == state["turn"]]
        self.failures.update(own)
        self.usage += Usage.model_validate(state["usage"].get("policy") or {})
        self.operations += len(state["inference"].get("operations", ()))
        self.rejected += len(state["rejections"])

    def figures(self, at_once: int, wall: float, cache: dict[str, float]) -> dict[str, Any]:
        """The figures of one level."""
        turns, used = len(self.seconds), self.usage
        ordered = sorted(self.seconds)
        return {
            "benchmark": "serving",
            "split": "test",
            "policy": f"{at_once:2d} at once",
            "turns": turns,
            "valid_share": 1 - sum(self.failures.values()) / turns,
            **{f"failed_{kind}": count for kind, count in sorted(self.failures.items())},
            "calls_per_turn": used.calls / turns,
            "input_tokens_per_turn": used.input_tokens / turns,
            "output_tokens_per_turn": used.output_tokens / turns,
            "cached_share_of_input": used.cached_tokens / max(1, used.input_tokens),
            "prefix_cache_hit_rate": cache["hits"] / max(1, cache["queries"]),
            "seconds_per_turn_p50": statistics.median(ordered),
            "seconds_per_turn_p95": ordered[min(turns - 1, int(0.95 * turns))],
            "turns_per_second": turns / wall,
            "stored_per_turn": self.operations / turns,
            "rejected_per_turn": self.rejected / turns,
        }


async def drive(
    context: Context, at_once: int, dialogues: Sequence[GoldDialogue], advance: Callable[[], None]
) -> dict[str, Any]:
    """The dialogues through the graph, each as a thread of its own, at most `at_once` at a time."""
    driven, before = Driven(), await cache_counters(context.policy_url)
    policy = policy_named(
        context.policy, url=context.policy_url, keys=keys_from_env(context), seconds=context.policy_seconds
    )
    started = time.perf_counter()
    async with open_backend("memory:") as backend:
        agent = create_personal_agent(policy=policy, store=backend.store, checkpointer=backend.checkpointer)
        gate = asyncio.Semaphore(at_once)

        async def one(dialogue: GoldDialogue) -> None:
            async with gate:
                await talk(agent, dialogue, driven, advance)

        async with asyncio.TaskGroup() as group:
            for dialogue in dialogues:
                group.create_task(one(dialogue))
    wall, after = time.perf_counter() - started, await cache_counters(context.policy_url)
    return driven.figures(at_once, wall, {name: after[name] - before[name] for name in after})


async def talk(
    agent: PersonalAgent, dialogue: GoldDialogue, driven: Driven, advance: Callable[[], None]
) -> None:
    """One dialogue, turn by turn, as a host hands it on: the reply before, then the user's message."""
    config: Any = {"configurable": {"thread_id": dialogue.id}}
    before: list[AnyMessage] = []
    for turn in dialogue.turns:
        started = time.perf_counter()
        state = await agent.ainvoke(
            {"messages": [*before, HumanMessage(turn.user)]},
            config,
            context=Context(user_id=dialogue.persona, ask="never"),
        )
        driven.add(state, time.perf_counter() - started)
        before = [AIMessage(turn.assistant)] if turn.assistant else []
        advance()


async def cache_counters(url: str) -> dict[str, float]:
    """The server's prefix cache so far, in tokens: asked for, and found. Zeros without such metrics."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            text = (await client.get(url.removesuffix("/v1") + "/metrics")).text
    except httpx.HTTPError:
        text = ""
    return {name: _counter(text, metric) for name, metric in _COUNTERS.items()}


def _counter(text: str, metric: str) -> float:
    rows = re.findall(rf"^{re.escape(metric)}(?:_total)?(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, rows))


def main() -> None:
    """Drive a served policy, and write a file of figures for each level into a folder."""
    parser = argparse.ArgumentParser(prog="python -m personalagent.evals.serving", description=__doc__)
    parser.add_argument("--policy", default="vllm:pa")
    parser.add_argument("--base-url", default="http://127.0.0.1:8000/v1")
    parser.add_argument("--seconds", type=float, default=120, help="for one call of the policy")
    parser.add_argument("--at-once", type=int, nargs="+", choices=AT_ONCE, default=AT_ONCE)
    parser.add_argument("--label", default="", help="what tells these figures from those of another model")
    parser.add_argument("--out", type=Path, required=True, help="the folder")
    given = parser.parse_args()
    context = Context(policy=given.policy, policy_url=given.base_url, policy_seconds=given.seconds)
    spoken = iter(gold.dialogues(None, "test"))
    given.out.mkdir(parents=True, exist_ok=True)
    with Progress(console=Console(stderr=True)) as bar:
        for at_once in given.at_once:
            dialogues = list(islice(spoken, DIALOGUES[at_once]))
            task = bar.add_task(f"{at_once} at once", total=sum(len(one.turns) for one in dialogues))
            figures = asyncio.run(drive(context, at_once, dialogues, partial(bar.advance, task)))
            name = "-".join((*re.findall(r"\w+", given.label), f"{at_once:02d}-at-once"))
            figures["policy"] = f"{given.label} {figures['policy']}".lstrip()
            text = json.dumps(figures, indent=1) + "\n"
            (given.out / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
