"""The command, what is waited for, and a process that is ended with its group; no vLLM."""

import io
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from personalagent.errors import ServingError, SettingError
from personalagent.serving.process import Server, running, telling
from personalagent.serving.vllm import (
    KEY,
    Adapter,
    Served,
    additions,
    default_name,
    for_a_shell,
    lacking,
    model_given,
)
from tests.serving import adapter, gone, until

ALWAYS = ["--max-model-len", "4096", "--enable-prompt-tokens-details"]
HERE = ["--host", "127.0.0.1", "--port", "8000"]


def test_the_command_for_a_model() -> None:
    served = Served("Qwen/Qwen3-8B", "Qwen3-8B")
    expected = ["vllm", "serve", "Qwen/Qwen3-8B", "--served-model-name", "Qwen3-8B", *HERE, *ALWAYS]
    assert served.command() == expected
    assert served.names == ("Qwen3-8B",)


def test_the_command_in_another_environment_at_another_place_with_options_of_vllm() -> None:
    further = ("--enforce-eager", "--max-model-len", "8192")
    served = Served("./m", "pa", host="0.0.0.0", port=9000, further=further)
    start = ["/venv/bin/python", "-m", "vllm.entrypoints.openai.api_server", "--model"]
    place = ["--host", "0.0.0.0", "--port", "9000"]
    assert served.command(start) == [*start, "./m", "--served-model-name", "pa", *place, *ALWAYS, *further]


def test_the_command_with_adapters(tmp_path: Path) -> None:
    low, high = adapter(tmp_path / "low", r=8), adapter(tmp_path / "high", r=24, rank_pattern={})
    adapters = (Adapter.parse(f"a={low}"), Adapter.parse(f"b={high}"))
    served = Served("org/m", "m", adapters=adapters, further=("--max-loras", "2"))
    lora = ["--enable-lora", "--max-lora-rank", "32", "--lora-modules", f"a={low}", f"b={high}"]
    expected = [
        "vllm",
        "serve",
        "org/m",
        "--served-model-name",
        "m",
        *HERE,
        *ALWAYS,
        *lora,
        "--max-loras",
        "2",
    ]
    assert served.command() == expected
    assert served.names == ("m", "a", "b")


@pytest.mark.parametrize(
    ("config", "rank"),
    [
        ({"r": 1}, "1"),
        ({"r": 2}, "8"),
        ({"r": 64}, "64"),
        ({"r": 257}, "320"),
        ({"r": 512}, "512"),
        ({"r": 8, "rank_pattern": None}, "8"),
        ({"r": 8, "rank_pattern": {"q_proj": 20}}, "32"),
    ],
)
def test_the_highest_rank_is_one_that_vllm_takes(tmp_path: Path, config: dict[str, Any], rank: str) -> None:
    command = Served("m", "m", adapters=(Adapter.parse(f"a={adapter(tmp_path / 'a', **config)}"),)).command()
    assert command[command.index("--max-lora-rank") + 1] == rank


@pytest.mark.parametrize("name", ["a,b", "a=b"])
def test_a_folder_that_vllm_would_split_is_given_as_json(tmp_path: Path, name: str) -> None:
    folder = adapter(tmp_path / name, r=8)
    assert json.loads(Adapter.parse(f"x={folder}").argument) == {"name": "x", "path": str(folder)}


@pytest.mark.parametrize("given", ["", "a", "a=", "=DIR"])
def test_an_adapter_is_a_name_and_a_folder(given: str) -> None:
    with pytest.raises(SettingError, match=f"^--lora must be NAME=DIR, not '{given}'$"):
        Adapter.parse(given)


def test_an_adapter_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^--lora a: there is no folder .*/gone$"):
        Adapter.parse(f"a={tmp_path / 'gone'}")
    with pytest.raises(SettingError, match=r"^--lora a: .* holds no adapter_config\.json"):
        Adapter.parse(f"a={tmp_path}")
    with pytest.raises(SettingError, match=r"does not give a rank r$"):
        Adapter.parse(f"a={adapter(tmp_path / 'a', lora_alpha=16)}")
    with pytest.raises(SettingError, match=r"its rank 513 is more than vLLM's highest, 512$"):
        Adapter.parse(f"a={adapter(tmp_path / 'b', r=513)}")


def test_a_name_is_given_once(tmp_path: Path) -> None:
    one = Adapter("a", tmp_path, 8)
    for name, adapters in (("m", (one, one)), ("a", (one,))):
        with pytest.raises(SettingError, match="the name 'a' is given twice"):
            Served("m", name, adapters=adapters)


@pytest.mark.parametrize(
    "further", [("--api-key", "k"), ("--api_key=k",), ("-O3", "--port=1"), ("--served-model-name", "x")]
)
def test_options_that_must_be_known_are_not_passed_on(further: tuple[str, ...]) -> None:
    with pytest.raises(SettingError, match="cannot stand after --: use "):
        Served("m", "m", further=further)


def test_a_second_model_is_an_error() -> None:
    with pytest.raises(SettingError, match=r"^unexpected 'n'"):
        Served("m", "m", further=("n",))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("gpu.example", "http://gpu.example:8000"),
    ],
)
def test_where_it_is_asked(host: str, origin: str) -> None:
    assert Served("m", "m", host=host).origin == origin


def test_a_model_is_a_name_or_a_path_to_something(tmp_path: Path) -> None:
    assert model_given("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
    assert model_given(str(tmp_path)) == str(tmp_path)
    assert model_given("~") == str(Path.home())
    for missing in (f"{tmp_path}/gone", "./gone", "~/gone/gone", "~nobody-of-that-name/m"):
        with pytest.raises(SettingError, match=f"^there is no model at {re.escape(missing)}$"):
            model_given(missing)


def test_a_model_is_called_by_its_last_part() -> None:
    assert default_name("Qwen/Qwen3-8B") == "Qwen3-8B"
    assert default_name("/models/pa/") == "pa"
    assert default_name(".") == Path.cwd().name


def test_no_telemetry_unless_it_is_set() -> None:
    assert additions({}) == {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    assert additions({"DO_NOT_TRACK": "0", "VLLM_NO_USAGE_STATS": "0"}) == {}


def test_the_key_is_handed_on_and_never_shown() -> None:
    added = additions({KEY: " sesame \n"})
    assert added["VLLM_API_KEY"] == "sesame"
    shown = for_a_shell(["vllm", "serve", "my model"], added)
    assert shown.startswith("VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_API_KEY=")
    assert shlex.split(shown)[2:] == [f"VLLM_API_KEY=${KEY}", "vllm", "serve", "my model"]


def served_by(answer: Callable[[httpx.Request], httpx.Response]) -> str:
    with httpx.Client(base_url="http://here", transport=httpx.MockTransport(answer)) as client:
        return lacking(client, ["m", "a"])


def answering(models: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(200) if request.url.path == "/health" else models


def test_what_a_server_lacks() -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    def listed(*names: str) -> httpx.Response:
        return httpx.Response(200, json={"object": "list", "data": [{"id": name} for name in names]})

    assert served_by(refused) == "/health: Connection refused"
    assert served_by(lambda _: httpx.Response(503)) == "/health answers 503"
    assert served_by(answering(httpx.Response(401))) == "/v1/models answers 401"
    assert served_by(answering(httpx.Response(200, text="<html>"))) == "/v1/models is not a list of models"
    assert served_by(answering(listed("m", "other"))) == "/v1/models does not name a"
    assert served_by(answering(listed("m", "a"))) == ""


STUBBORN = """
import subprocess, time
subprocess.Popen(["sh", "-c", "trap '' INT TERM; echo $$; exec sleep 600"])
time.sleep(600)
"""
"""Ends when it is told to, and leaves behind what does not, whose id it prints."""


def started(log: io.BytesIO) -> int:
    """The id that is in the log, once it is there."""
    until(lambda: log.getvalue().endswith(b"\n"))
    return int(log.getvalue())


def test_what_does_not_end_by_itself_is_killed() -> None:
    log = io.BytesIO()
    server = Server([sys.executable, "-c", STUBBORN], os.environ, log)
    try:
        stubborn = started(log)
    finally:
        server.end(lambda: False, {signal.SIGTERM: 0.3})
    assert server.ended == "SIGTERM"
    assert server.last_words() == str(stubborn)
    until(lambda: gone(stubborn))


def test_whoever_hurries_waits_for_nothing() -> None:
    log = io.BytesIO()
    with running([sys.executable, "-c", STUBBORN], os.environ, log, lambda: True) as server:
        stubborn = started(log)
    assert server.ended
    until(lambda: gone(stubborn))


def test_an_exception_ends_the_process() -> None:
    with (
        pytest.raises(ZeroDivisionError),
        running(["sleep", "600"], os.environ, io.BytesIO(), lambda: True) as server,
    ):
        raise ZeroDivisionError
    assert server.ended


def test_what_is_told_of_a_process_that_has_ended() -> None:
    words = r"one\ntwo\nthree\nfour\n"
    with running(
        ["sh", "-c", f"printf '{words}'; exit 3"], os.environ, io.BytesIO(), lambda: False
    ) as server:
        until(lambda: bool(server.ended))
        assert server.ended == "exit code 3"
        assert server.last_words() == "two | three | four"


def test_the_lines_that_name_an_error_tell_more_than_the_last_ones() -> None:
    log = """
(APIServer pid=7) WARNING 11-30 09:02:31 [system_utils.py:255] errors like `OSError: Too many files`
(EngineCore pid=8) ERROR 11-30 09:02:46 [core.py:1510] Traceback (most recent call last):
(EngineCore pid=8) ERROR 11-30 09:02:46 [core.py:1510] ValueError: No available memory for the cache blocks.
\x1b[31mValueError: No available memory for the cache blocks.\x1b[0m
(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above.
nanobind: leaked 514 functions!
"""
    cause, effect = "No available memory for the cache blocks.", "Engine core initialization failed."
    assert telling(log) == f"ValueError: {cause} | RuntimeError: {effect} See root cause above."


def test_what_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "vllm").write_bytes(b"\x00")
    (tmp_path / "vllm").chmod(0o755)
    with pytest.raises(ServingError, match=r"^cannot start /.*/vllm: Exec format error$"):
        Server([str(tmp_path / "vllm")], os.environ, io.BytesIO())


def test_a_long_line_is_cut() -> None:
    assert telling(f"error: {'word ' * 1000}").endswith("word ...")
    assert telling("") == ""
