"""serve, with a stand-in for vLLM: a real process that listens, logs, and starts another, as vLLM does."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from personalagent.cli import app
from personalagent.serving.vllm import KEY
from tests.serving import adapter, gone, until

PERSONALAGENT = Path(sys.executable).with_name("personalagent")
STAND_IN = """
import argparse, json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("model")
for option in ("--served-model-name", "--host", "--max-model-len", "--max-lora-rank", "--pids"):
    parser.add_argument(option)
for option in ("--port", "--exit", "--signal"):
    parser.add_argument(option, type=int)
for option in ("--enable-prompt-tokens-details", "--enable-lora", "--never-ready", "--exit-when-ready"):
    parser.add_argument(option, action="store_true")
parser.add_argument("--lora-modules", nargs="+", default=[])
given = parser.parse_args()
names = [given.served_model_name, *(one.split("=")[0] for one in given.lora_modules)]
key = os.environ.get("VLLM_API_KEY")


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        allowed = self.path == "/health" or not key or self.headers["authorization"] == f"Bearer {key}"
        Handler.asked += allowed and self.path == "/v1/models"
        body = json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()
        self.send_response(503 if given.never_ready else 200 if allowed else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


print("INFO loading", given.model, flush=True)
if given.exit is not None:
    print("ValueError: no such model", file=sys.stderr, flush=True)
    sys.exit(given.exit)
if given.signal:
    os.kill(os.getppid(), given.signal)
engine = subprocess.Popen(["sleep", "600"])
if given.pids:
    Path(given.pids + ".part").write_text(f"{os.getpid()} {engine.pid}")
    Path(given.pids + ".part").rename(given.pids)
time.sleep(0.1)
server = HTTPServer((given.host, given.port), Handler)
print("INFO startup complete", flush=True)
while not (given.exit_when_ready and Handler.asked):
    server.handle_request()
print("INFO the engine died", flush=True)
sys.exit(1)
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    """What starts the stand-in, as --command takes it."""
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN, "utf-8")
    return shlex.join([sys.executable, "-I", str(script)])


def serve(*words: str, **environ: str) -> Result:
    """What `personalagent serve` says, in this process."""
    return CliRunner().invoke(app, ["serve", *words], env={"COLUMNS": "200", **environ})


def one_error(result: Result) -> str:
    """The error that is all that is said, after what was run and logged."""
    assert result.exit_code == 2
    assert result.stdout == ""
    before, error, message = result.stderr.rpartition("error: ")
    assert error
    assert "error: " not in before
    assert message.count("\n") == 1, "one line"
    return message


@dataclass(frozen=True)
class Serving:
    """A `personalagent serve` that is ready, and what it has started."""

    process: subprocess.Popen[bytes]
    server: int
    engine: int
    said: Path
    logged: Path

    def exit_code(self) -> int:
        until(lambda: self.process.poll() is not None, lambda: self.logged.read_text("utf-8"))
        return self.process.returncode


@contextmanager
def serving(stand_in: str, folder: Path) -> Iterator[Serving]:
    pids, said, logged = folder / "pids", folder / "stdout", folder / "stderr"
    options = ["--port", str(free_port()), "--command", stand_in, "--", "--pids", str(pids)]
    with (
        said.open("wb") as out,
        logged.open("wb") as err,
        subprocess.Popen(
            [PERSONALAGENT, "serve", "org/m", *options], stdin=subprocess.DEVNULL, stdout=out, stderr=err
        ) as process,
    ):
        try:
            until(lambda: "Ctrl-C" in said.read_text("utf-8"), lambda: logged.read_text("utf-8"))
            server, engine = (int(one) for one in pids.read_text("utf-8").split())
            yield Serving(process, server, engine, said, logged)
        finally:
            process.kill()
            for pid in pids.read_text("utf-8").split() if pids.exists() else ():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_that_was_started(stand_in: str, tmp_path: Path, number: signal.Signals) -> None:
    with serving(stand_in, tmp_path) as served:
        served.process.send_signal(number)
        assert served.exit_code() == 0
        assert gone(served.server)
        until(lambda: gone(served.engine))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_it_is_ready_is_no_success(stand_in: str, number: signal.Signals) -> None:
    options = [
        "--port",
        str(free_port()),
        "--command",
        stand_in,
        "--",
        "--never-ready",
        "--signal",
        str(number),
    ]
    result = serve("org/m", *options)
    assert result.exit_code == 128 + number
    assert result.stdout == ""
    assert "error" not in result.stderr


def test_it_all_ends_even_if_serve_is_killed(stand_in: str, tmp_path: Path) -> None:
    with serving(stand_in, tmp_path) as served:
        served.process.kill()
        until(lambda: gone(served.server) and gone(served.engine))


def test_it_says_how_to_use_what_is_served_and_shows_the_log(stand_in: str, tmp_path: Path) -> None:
    port, folder = free_port(), adapter(tmp_path / "adapter", r=8)
    options = ["--port", str(port), "--lora", f"pa={folder}", "--command", stand_in]
    result = serve("org/m", *options, "--", "--exit-when-ready", PERSONALAGENT_POLICY_KEY="sesame")
    url = f"http://127.0.0.1:{port}/v1"
    said = result.stdout.splitlines()
    assert f"ready    {url}" in said
    assert "serves   m, pa" in said
    assert f"use it   personalagent chat --user YOU --policy vllm:pa --base-url {url}" in said
    assert any(line.startswith("key ") and KEY in line for line in said)
    assert "INFO loading org/m\nINFO startup complete\n" in result.stderr
    assert "sesame" not in result.output
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: vLLM ended (exit code 1): ")
    assert last.endswith("INFO the engine died")


def test_a_server_that_ends_before_it_is_ready(stand_in: str) -> None:
    result = serve("org/m", "--port", str(free_port()), "--command", stand_in, "--", "--exit", "3")
    assert one_error(result) == "vLLM ended before it was ready (exit code 3): ValueError: no such model\n"


def test_a_server_that_is_not_ready_in_time_is_ended(stand_in: str, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    options = ["--port", str(free_port()), "--command", stand_in, "--ready-seconds", "1"]
    result = serve("org/m", *options, "--", "--never-ready", "--pids", str(pids))
    assert one_error(result).startswith("vLLM is not ready after 1 s (--ready-seconds): /health")
    for pid in pids.read_text("utf-8").split() if pids.exists() else ():
        until(partial(gone, int(pid)))


def test_vllm_is_not_installed() -> None:
    message = one_error(serve("org/m", "--command", "no-such-vllm serve"))
    for part in ("no-such-vllm", 'pip install "personalagent[serve]"', "--command", "docs/serving.md"):
        assert part in message


@pytest.mark.parametrize("command", ["", "'vllm", "  "])
def test_a_command_that_is_none(command: str) -> None:
    assert one_error(serve("org/m", "--command", command)).startswith("--command")


def test_a_port_that_is_in_use(stand_in: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        message = one_error(serve("org/m", "--port", str(port), "--command", stand_in))
    assert message.startswith(f"cannot listen at port {port} of 127.0.0.1: it is in use already")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["./no/such/model"], "there is no model at ./no/such/model\n"),
        (["m", "--lora", "a"], "--lora must be NAME=DIR, not 'a'\n"),
        (["m", "--lora", "a=/no/such/adapter"], "--lora a: there is no folder /no/such/adapter\n"),
        (["m", "n"], "unexpected 'n': one MODEL is served; options of vLLM stand after --\n"),
        (
            ["m", "--", "--api-key=x"],
            f"--api-key cannot stand after --: use the environment variable {KEY}\n",
        ),
    ],
)
def test_what_cannot_be_served_is_one_clear_error(words: list[str], message: str) -> None:
    assert one_error(serve(*words)) == message
    assert one_error(serve(*words, "--print") if "--" not in words else serve("--print", *words)) == message


def test_print_gives_the_command_without_the_key_and_runs_nothing(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "my adapter", r=16)
    words = ["org/m", "--print", "--name", "pa", "--lora", f"x={folder}", "--", "--enforce-eager"]
    result = serve(*words, **{KEY: "sesame", "DO_NOT_TRACK": "1"})
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "sesame" not in result.stdout
    place = ["--host", "127.0.0.1", "--port", "8000", "--max-model-len", "4096"]
    lora = ["--enable-lora", "--max-lora-rank", "16", "--lora-modules", f"x={folder}"]
    assert shlex.split(result.stdout) == [
        "VLLM_NO_USAGE_STATS=1",
        f"VLLM_API_KEY=${KEY}",
        *("vllm", "serve", "org/m", "--served-model-name", "pa"),
        *place,
        "--enable-prompt-tokens-details",
        *lora,
        "--enforce-eager",
    ]


def test_the_command_is_taken_from_the_environment() -> None:
    result = serve("org/m", "--print", PERSONALAGENT_VLLM="/venv/bin/vllm serve")
    assert " /venv/bin/vllm serve org/m " in result.stdout
