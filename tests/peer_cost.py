"""`python -m tests.peer_cost langmem|mem0 OUT`: what remembering a turn costs two other libraries.

Every turn of the first of the corpus's test dialogues, the user's message and the reply it got, is given to
the library in the documented way, with its defaults, each persona a user. As in `tests.prompt_cost`, a
scripted server plays the model: it asks for a memory for each gold operation, so that memories grow as they
should, and counts what it is asked in GPT-4's own encoding: the contents of the messages, the tools and the
response format. It also plays the embedding model, with hashed words, counted apart.

The count is kind to the libraries: the JSON is counted in its shortest form, without a chat template, and a
memory is the operation's value and no more, where a real model would write a sentence (mem0 asks for 15 to
80 words, and also for what the assistant said), which later prompts would show again. What is retracted is
stored as "no longer" so; nothing is ever patched or removed, and no answer is so bad that it is asked again.

The libraries are none of ours; they want an environment of their own, which the package itself shares by
PYTHONPATH: `pip install langmem==0.0.30 mem0ai==2.2.1 langchain-openai bpe-openai`.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from personalagent.corpora import gold
from personalagent.corpora.gold import GoldOperation, GoldTurn
from tests.policies.cl100k import tokens

Body = dict[str, Any]
Turns = Iterator[tuple[str, list[dict[str, str]]]]

DIALOGUES = 6
DIMENSIONS = 1536
"""Those of the embeddings that both libraries use by default, or in their documentation."""
OFFLINE = {"MEM0_TELEMETRY": "False", "LANGSMITH_TRACING": "false", "OPENAI_API_KEY": "none"}


async def langmem(turns: Turns, url: str, folder: str) -> int:
    """Remember by `create_memory_store_manager`; returns how many memories were written."""
    openai = import_module("langchain_openai")
    # Otherwise it counts the tokens before, by an encoding that it fetches from the network.
    embeddings = openai.OpenAIEmbeddings(base_url=url, check_embedding_ctx_length=False)
    index = {"dims": DIMENSIONS, "embed": embeddings}
    manager = import_module("langmem").create_memory_store_manager(
        openai.ChatOpenAI(model="gpt-5-mini", base_url=url),
        store=import_module("langgraph.store.memory").InMemoryStore(index=index),
    )
    written = 0
    for user, messages in turns:
        config = {"configurable": {"langgraph_user_id": user}}
        written += len(await manager.ainvoke({"messages": messages}, config=config))
    return written


async def mem0(turns: Turns, url: str, folder: str) -> int:
    """Remember by `Memory.add`; returns how many memories were written."""
    os.environ["MEM0_DIR"] = folder
    memory = import_module("mem0").Memory.from_config(
        {
            "llm": {"provider": "openai", "config": {"openai_base_url": url}},
            "embedder": {"provider": "openai", "config": {"openai_base_url": url}},
            "vector_store": {"provider": "qdrant", "config": {"path": f"{folder}/qdrant"}},
            "history_db_path": f"{folder}/history.db",
        }
    )
    written = 0
    for user, messages in turns:
        written += len(memory.add(messages, user_id=user)["results"])
    memory.close()
    return written


PEERS: dict[str, tuple[str, Callable[[Turns, str, str], Coroutine[Any, Any, int]]]] = {
    "langmem": ("langmem", langmem),
    "mem0": ("mem0ai", mem0),
}


class Model(HTTPServer):
    """Plays both models while its context is open, one request at a time, and counts for each turn."""

    turn: GoldTurn

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.calls: list[int] = []
        self.prompts: list[int] = []
        self.completions: list[int] = []
        self.embeddings: list[int] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def begin(self, turn: GoldTurn) -> None:
        """What is asked from now on is about this turn."""
        self.turn = turn
        for counted in (self.calls, self.prompts, self.completions, self.embeddings):
            counted.append(0)

    def chat(self, body: Body) -> Body:
        """The completion that stores the turn's memories, or nothing where there are none."""
        memories = [_memory(operation) for operation in self.turn.operations]
        message = _calls(memories, body) if body.get("tools") else _object(memories)
        prompt, completion = _asked(body), _answered(message)
        self.calls[-1] += 1
        self.prompts[-1] += prompt
        self.completions[-1] += completion
        stopped = "tool_calls" if message.get("tool_calls") else "stop"
        return {
            "id": "chatcmpl-scripted",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": stopped}],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            },
        }

    def embed(self, body: Body) -> Body:
        """A vector for each of the texts."""
        self.embeddings[-1] += 1
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [{"object": "embedding", "index": n, "embedding": _vector(t)} for n, t in enumerate(texts)]
        return {"object": "list", "model": body["model"], "data": rows, "usage": {"prompt_tokens": 0}}


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answers = {"/v1/chat/completions": self.server.chat, "/v1/embeddings": self.server.embed}
        content = json.dumps(answers[self.path](body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _memory(operation: GoldOperation) -> str:
    gone = operation.action == "retract"
    return f"no longer: {operation.value}" if gone else operation.value


def _object(memories: list[str]) -> Body:
    """What mem0 asks for."""
    rows = [{"id": str(n), "text": text, "attributed_to": "user"} for n, text in enumerate(memories)]
    return {"role": "assistant", "content": json.dumps({"memory": rows}, ensure_ascii=False)}


def _calls(memories: list[str], body: Body) -> Body:
    """What langmem asks for: a tool call a memory; where one is demanded for none, a patch of nothing."""
    calls: list[tuple[str, Body]] = [("Memory", {"content": text}) for text in memories]
    if not calls and body.get("tool_choice") == "required":
        shown = re.findall(r"<instance id=(\S+)", body["messages"][0]["content"])
        calls = [("PatchDoc", {"json_doc_id": shown[0], "planned_edits": "None.", "patches": []})]
    if not calls:
        return {"role": "assistant", "content": "Nothing to remember."}
    functions = [{"name": name, "arguments": _json(arguments)} for name, arguments in calls]
    rows = [{"id": f"call_{n}", "type": "function", "function": one} for n, one in enumerate(functions)]
    return {"role": "assistant", "content": None, "tool_calls": rows}


def _asked(body: Body) -> int:
    """The tokens of a prompt; what a chat template would add is left out."""
    contents = [message["content"] for message in body["messages"]]
    forms = [body[name] for name in ("tools", "functions", "response_format") if name in body]
    return sum(tokens(one if isinstance(one, str) else _json(one)) for one in (*contents, *forms))


def _answered(message: Body) -> int:
    """The tokens of an answer."""
    functions = [call["function"] for call in message.get("tool_calls", ())]
    called = sum(tokens(one["name"]) + tokens(one["arguments"]) for one in functions)
    return called + tokens(message["content"] or "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _vector(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        vector[zlib.crc32(word.encode()) % DIMENSIONS] += 1
    length = sum(one * one for one in vector) ** 0.5
    return [one / (length or 1) for one in vector]


def _turns(model: Model) -> Turns:
    """The user and the messages of each turn; the model is told of it."""
    for dialogue in gold.dialogues(None, "test")[:DIALOGUES]:
        for turn in dialogue.turns:
            model.begin(turn)
            said = {"user": turn.user, "assistant": turn.assistant}
            yield dialogue.persona, [{"role": role, "content": text} for role, text in said.items() if text]


def main() -> None:
    """Measure, and write the figures to a file."""
    package, remember = PEERS[sys.argv[1]]
    os.environ.update(OFFLINE)
    with Model() as model, tempfile.TemporaryDirectory() as folder:
        written = asyncio.run(remember(_turns(model), model.url, folder))
    turns, ordered = len(model.prompts), sorted(model.prompts)
    figures: dict[str, Any] = {
        "benchmark": "prompt",
        "split": "test",
        "policy": f"{sys.argv[1]} {version(package)}",
        "turns": turns,
        "calls_per_turn": sum(model.calls) / turns,
        "input_tokens_per_turn": sum(model.prompts) / turns,
        "output_tokens_per_turn": sum(model.completions) / turns,
        "input_tokens_p95": ordered[int(0.95 * turns)],
        "input_tokens_most": ordered[-1],
        "embedding_calls_per_turn": sum(model.embeddings) / turns,
        "stored_per_turn": written / turns,
    }
    Path(sys.argv[2]).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
