"""A model that was trained is one that the graph can read with: by a server, as any chat model."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from personalagent import Context, create_personal_agent, open_backend  # noqa: E402
from personalagent.policies.choose import policy_named  # noqa: E402
from personalagent.policies.prompt import inference_prompt  # noqa: E402
from personalagent.profile.template import Template  # noqa: E402
from personalagent.training import sft  # noqa: E402
from personalagent.training.config import Source, load  # noqa: E402
from personalagent.training.episodes import lessons  # noqa: E402
from personalagent.training.measure import ModelWriter  # noqa: E402
from personalagent.training.rows import Part  # noqa: E402
from tests.make import DIET  # noqa: E402
from tests.scripted_server import Body, Says, ScriptedServer  # noqa: E402
from tests.training.dialogues import JOB, RIGHT, dialogues  # noqa: E402
from tests.training.models import recipe  # noqa: E402

pytestmark = pytest.mark.training


def right(source: Source, part: Part, template: Template) -> list[dict[str, Any]]:
    """Rows for SFT: to the first turn of each dialogue what is right."""
    if part == "held_out":
        return []
    first = [next(lessons(one, template)) for one in dialogues()]
    return [
        {
            "prompt": inference_prompt(lesson.turn, lesson.profile, template).messages,
            "completion": [{"role": "assistant", "content": RIGHT[lesson.turn.text]}],
        }
        for lesson in first
    ]


@pytest.fixture(scope="module")
def writer(reader: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelWriter:
    """The reader, once it has learnt to say what is right always."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("served")
    keys: dict[str, Any] = {"max_steps": 20, "save_steps": 20, "batch_size": 3, "micro_batch_size": 3}
    (folder / "run.toml").write_text(recipe(reader, folder / "out", **keys, learning_rate=3e-3), "utf-8")
    made = sft.train(load(folder / "run.toml", "sft"), right)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(made), AutoTokenizer.from_pretrained(made)
    return ModelWriter(model, tokenizer, reply_tokens=8)


async def told(url: str, message: str) -> dict[str, list[str]]:
    """What the graph holds of a user once she has said this, by slot."""
    async with open_backend("memory:") as backend:
        agent = create_personal_agent(
            policy=policy_named("openai:reader", url=url),
            store=backend.store,
            checkpointer=backend.checkpointer,
        )
        work: Any = {"messages": [("user", message)]}
        state = await agent.ainvoke(
            work, {"configurable": {"thread_id": "one"}}, context=Context(user_id="ada")
        )
        return {slot: [one["value"] for one in values] for slot, values in state["profile"].items()}


def test_a_trained_model_reads_turns_in_the_graph(writer: ModelWriter) -> None:
    def reply(body: Body) -> Says:
        (written,) = writer([body["messages"]])
        return Says(written.text)

    with ScriptedServer(otherwise=reply) as server:
        for message, held in (("i am a nurse", {JOB: ["nurse"]}), ("no meat for me", {DIET: ["no meat"]})):
            assert asyncio.run(told(server.url, message)) == held
    assert {body["model"] for body in server.requests} == {"reader"}
