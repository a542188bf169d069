"""A real HTTP server that speaks OpenAI's chat API and says what it was told to say; no language model.

By hand, until Ctrl-C: ``python -m tests.scripted_server --port 9000 [--says TEXT]``.
"""

import argparse
import json
import re
import signal
import socket
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Body = dict[str, Any]

INFERS_NOTHING = """\
<inferred_profile>
</inferred_profile>
<inferred_personality>
</inferred_personality>
<classification>none</classification>
<needs>
</needs>"""
IS_NO_MODEL = "I am a script, not a language model."
ERROR_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
WORDS_IN_A_CHUNK = 3
END_OF_CHUNKS = b"0\r\n\r\n"
POLL_SECONDS = 0.01
STOP_SECONDS = 2


@dataclass(frozen=True)
class Says:
    """A chat completion, streamed where that was asked for; tokens that are not given count the words."""

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0


@dataclass(frozen=True)
class Status:
    """An error in OpenAI's format; ``{authorization}`` in the message becomes the request's own header.

    The `error` code is OpenAI's for this status, unless it is given.
    """

    code: int
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Hangs:
    """Silence for so many seconds, or until the server stops; then the connection is closed."""

    seconds: float = 60


@dataclass(frozen=True)
class Dies:
    """A connection that is closed after this much of a stream; without a stream, before any answer."""

    after: str = ""


@dataclass(frozen=True)
class Garbage:
    """A success whose body is not what the client can read."""

    body: bytes = b"<html>Welcome</html>"
    content_type: str = "application/json"


Outcome = Says | Status | Hangs | Dies | Garbage
Reply = Outcome | Callable[[Body], Outcome]


class ScriptedServer:
    """Serves while its context is open; replies from a queue in order of arrival, then with `otherwise`.

    What was asked is kept: the bodies in `requests`, their headers, by lower-case name, in `headers`.
    """

    url: str

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        otherwise: Reply | None = None,
        models: Iterable[str] = ("pa",),
        owned_by: str = "scripted",
        port: int = 0,
    ) -> None:
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.models = [{"id": name, "object": "model", "created": 0, "owned_by": owned_by} for name in models]
        self._replies = deque(replies)
        self._otherwise = otherwise or Status(500, "The script is over.")
        self._lock = threading.Lock()
        self._port = port

    def __enter__(self) -> Self:
        self._listener = _Listener(("127.0.0.1", self._port), self)
        self.url = f"http://127.0.0.1:{self._listener.server_port}/v1"
        threading.Thread(target=self._listener.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.stop()

    def next_reply(self, body: Body, headers: dict[str, str]) -> Outcome:
        """What to answer to this request, which is kept."""
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            reply = self._replies.popleft() if self._replies else self._otherwise
        return reply(body) if callable(reply) else reply


class _Listener(ThreadingHTTPServer):
    """Knows its open connections, so that it can stop at once."""

    request_queue_size = 128

    def __init__(self, address: tuple[str, int], script: ScriptedServer) -> None:
        self.script = script
        self.stopping = threading.Event()
        self._handlers: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._handlers = {one: its for one, its in self._handlers.items() if one.is_alive()}
        given = (request, client_address)
        handler = threading.Thread(target=self.process_request_thread, args=given, daemon=True)
        handler.start()
        self._handlers[handler] = request

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports mistakes of the script; that a client went away is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Returns when the port is closed and nobody is being answered any more."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for handler, connection in self._handlers.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            handler.join(STOP_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request a connection.

    A client's pool may outlive both server and event loop: so nothing is left in it to be used again.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def handle(self) -> None:
        self.handle_one_request()

    def do_GET(self) -> None:
        if self.path == "/health":
            self._send(b"")
        elif self.path == "/v1/models":
            self._send(_json({"object": "list", "data": self.server.script.models}))
        else:
            self._fail(_no_path(self.path))

    def do_POST(self) -> None:
        # Also what nobody wants is read: closing over unread bytes would reset the connection.
        body = _parsed(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path != "/v1/chat/completions":
            self._fail(_no_path(self.path))
        elif body is None:
            self._fail(Status(400, "The body must be a JSON object with messages."))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(self.server.script.next_reply(body, headers), body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the standard error that is written to may be a test's."""

    def _answer(self, reply: Outcome, body: Body) -> None:
        match reply:
            case Says() if body.get("stream"):
                self._stream(_chunks(reply, body))
                self._send_event(b"[DONE]")
                self.wfile.write(END_OF_CHUNKS)
            case Says():
                self._send(_json(_completion(reply, body)))
            case Status():
                self._fail(reply)
            case Hangs(seconds):
                self.server.stopping.wait(seconds)
            case Dies(after):
                if after and body.get("stream"):
                    self._stream(_spoken(after, _head("chat.completion.chunk", body)))
            case Garbage(content, content_type):
                self._send(content, content_type=content_type)

    def _fail(self, reply: Status) -> None:
        authorization = self.headers.get("authorization", "")
        self._send(_json(_error(reply, authorization)), status=reply.code, headers=reply.headers)

    def _send(
        self,
        content: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._send_head(
            status, {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})}
        )
        self.wfile.write(content)

    def _stream(self, chunks: Iterable[Body]) -> None:
        self._send_head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for chunk in chunks:
            self._send_event(_json(chunk))

    def _send_event(self, data: bytes) -> None:
        event = b"data: %b\n\n" % data
        self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))

    def _send_head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _parsed(content: bytes) -> Body | None:
    """The body, or None where it cannot be one of a chat."""
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and body.get("messages") else None


def _no_path(path: str) -> Status:
    return Status(404, f"There is no {path} here.", error="unknown_url")


def _error(reply: Status, authorization: str) -> Body:
    message = reply.message or f"This {reply.code} was told to happen."
    return {
        "error": {
            "message": message.replace("{authorization}", authorization),
            "type": "server_error" if reply.code >= 500 else "invalid_request_error",
            "param": None,
            "code": reply.error or ERROR_CODES.get(reply.code),
        }
    }


def _completion(reply: Says, body: Body) -> Body:
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    head = _head("chat.completion", body)
    return {**head, "choices": [choice], "usage": _usage(reply, body)}


def _chunks(reply: Says, body: Body) -> Iterator[Body]:
    """The whole stream but for its end mark."""
    head = _head("chat.completion.chunk", body)
    yield from _spoken(reply.text, head)
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(reply, body)}


def _spoken(text: str, head: Body) -> Iterator[Body]:
    """The chunks of the role, and then of the text, a few words in each."""
    pieces = re.findall(rf"(?:\s*\S+){{1,{WORDS_IN_A_CHUNK}}}|\s+", text)
    for delta in ({"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)):
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def _head(kind: str, body: Body) -> Body:
    """What a completion and its chunks begin with; the id is new, as messages are told apart by it."""
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": body.get("model"),
    }


def _usage(reply: Says, body: Body) -> Body:
    prompt, completion = reply.prompt_tokens, reply.completion_tokens
    if prompt is None:
        prompt = sum(len(str(message.get("content")).split()) for message in body["messages"])
    if completion is None:
        completion = len(reply.text.split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


def by_hand(body: Body) -> Says:
    """What is answered when nothing was told: an inference of nothing, where one seems to be wanted."""
    wanted = "<message>" in str(body["messages"][-1].get("content"))
    return Says(INFERS_NOTHING if wanted else IS_NO_MODEL)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.scripted_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port; by default, a free one")
    parser.add_argument("--says", metavar="TEXT", help="the answer to every request")
    given = parser.parse_args()
    otherwise = by_hand if given.says is None else Says(given.says)
    # What a shell starts in the background would otherwise not be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ScriptedServer(otherwise=otherwise, port=given.port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
