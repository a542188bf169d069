"""chat, ingest, infer, retry and profile with a chat model as the policy, over a real HTTP server."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from personalagent.cli import app
from tests.cli.conftest import Cli
from tests.make import CITY, DIET
from tests.scripted_server import Dies, Says, ScriptedServer, Status

DOWN = Status(503, headers={"Retry-After": "0"})


def inference(*lines: str) -> Says:
    said = "\n".join(("<inferred_profile>", *lines, "</inferred_profile>"))
    return Says(f"{said}\n<classification>new</classification>\n<needs>\n</needs>", prompt_tokens=500)


VEGAN = inference(f'{DIET} = vegan | "I am vegan"')
LEEDS = inference(f'{CITY} = Leeds | "I live in Leeds"')
NOTHING = inference()


def reading(server: ScriptedServer) -> tuple[str, ...]:
    return ("--policy", "openai:pa", "--base-url", server.url)


def test_chat_reads_with_the_model_and_shows_what_it_stored(cli: Cli) -> None:
    with ScriptedServer([VEGAN]) as server:
        result = cli("chat", "-u", "ada", *reading(server), stdin="I am vegan\n")
    assert result.exit_code == 0
    assert f"+ {DIET} = vegan" in result.stdout
    assert "read by openai:pa" in result.stdout
    assert "· policy: 1 call, 500 + " in result.stdout


def test_chat_streams_a_models_reply_and_reads_with_another_policy(cli: Cli) -> None:
    with ScriptedServer([Says("Hello there, Ada.")]) as server:
        result = cli(
            "chat",
            *("-u", "ada", "--policy", "rules", "--model", "openai:big", "--base-url", server.url),
            stdin="hello\n",
        )
    assert "Hello there, Ada." in result.stdout
    assert server.requests[0]["model"] == "big"


def test_a_stream_that_breaks_off_is_followed_by_the_brief(cli: Cli) -> None:
    with ScriptedServer([Dies("Hello there, my")]) as server:
        result = cli(
            "chat",
            *("-u", "ada", "--policy", "rules", "--model", "openai:big", "--base-url", server.url),
            stdin="I live in Leeds. A film?\n",
        )
    lines = result.stdout.splitlines()
    broken = next(n for n, line in enumerate(lines) if line.endswith("Hello there, my"))
    assert "no reply by the chat model" in lines[broken + 1]
    assert lines[broken + 2].startswith("The chat model failed, so this is a brief")


def test_a_base_url_is_for_the_models_that_the_command_names(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    with ScriptedServer([NOTHING]) as server, ScriptedServer([Says("Hello.")]) as other:
        monkeypatch.setenv("PERSONALAGENT_MODEL", "openai:big")
        monkeypatch.setenv("PERSONALAGENT_MODEL_URL", other.url)
        cli("chat", "-u", "ada", *reading(server), stdin="hello\n")
    assert [request["model"] for request in server.requests] == ["pa"]
    assert [request["model"] for request in other.requests] == ["big"]
    assert "sk-x" not in json.dumps([*server.headers, *other.headers])


def test_a_turn_that_could_not_be_read_is_shown_and_retried(cli: Cli) -> None:
    with ScriptedServer([Status(500, headers={"Retry-After": "0"})] * 3) as server:
        result = cli("chat", "-u", "ada", *reading(server), stdin="I am vegan\n")
        assert "! not read yet, but kept: " in result.stdout

    shown = cli("profile", "show", "-u", "ada")
    assert "I am vegan" in shown.stdout
    assert "error: OpenAIAPIError" in shown.stdout
    (pending,) = json.loads(cli("profile", "show", "-u", "ada", "--json").stdout)["pending"]
    assert (pending["text"], pending["kind"], pending["attempts"]) == ("I am vegan", "error", 1)

    with ScriptedServer([Status(400, "no")]) as server:
        result = cli("retry", *reading(server))
    assert result.exit_code == 1
    assert "1 user, 1 pending turn: 0 read by openai:pa, 1 still pending" in result.stdout
    assert "ada: 1 pending; refused" in result.stderr

    with ScriptedServer([VEGAN]) as server:
        result = cli("retry", "-u", "ada", *reading(server))
    assert result.exit_code == 0
    assert "1 read by openai:pa, 0 still pending, 1 call, 500 + " in result.stdout
    assert json.loads(cli("profile", "show", "-u", "ada", "--json").stdout)["profile"][DIET]


@pytest.mark.parametrize("command", [["chat", "-u", "ada"], ["retry"], ["infer"]])
def test_a_key_without_an_address_is_one_clear_error(
    cli: Cli, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONALAGENT_POLICY_KEY", "pk-secret")
    result = cli(*command, "--policy", "openai:pa", stdin="hello\n")
    assert result.exit_code == 2
    assert "PERSONALAGENT_POLICY_KEY is set without PERSONALAGENT_POLICY_URL" in result.stderr
    assert "pk-secret" not in result.output


def test_retry_with_nothing_to_do_says_so(cli: Cli) -> None:
    result = cli("retry")
    assert result.exit_code == 0
    assert "0 pending turns" in result.stdout


def history(path: Path, *texts: str) -> Path:
    messages = [{"role": "user", "content": text} for text in texts]
    path.write_text(json.dumps({"messages": messages}) + "\n")
    return path


def test_ingest_counts_calls_and_tokens_and_retry_makes_up_for_an_outage(cli: Cli, tmp_path: Path) -> None:
    file = history(tmp_path / "h.jsonl", "I am vegan", "I live in Leeds", "and so on")
    with ScriptedServer([VEGAN, *[DOWN] * 3]) as server:
        result = cli("ingest", str(file), "-u", "bob", *reading(server))
        assert len(server.requests) == 4
    assert "3 turns (0 known already): 1 stored, 0 rejected, 2 pending" in result.stdout
    assert "2 calls (1 failed), 500 + " in result.stdout
    assert "2 pending, for `personalagent retry` to read; busy: " in result.stderr

    with ScriptedServer([LEEDS, NOTHING]) as server:
        result = cli("retry", *reading(server))
        assert len(server.requests) == 2
    assert "1 user, 2 pending turns: 2 read" in result.stdout
    profile = json.loads(cli("profile", "show", "-u", "bob", "--json").stdout)
    assert (set(profile["profile"]), profile["pending"]) == ({DIET, CITY}, [])


def test_infer_reads_every_line_with_one_client(cli: Cli) -> None:
    lines = [json.dumps({"user": text}) for text in ("I am vegan", "hm", "I live in Leeds")]
    with ScriptedServer([VEGAN, Says("nonsense"), LEEDS]) as server:
        result = cli("infer", *reading(server), stdin="\n".join(lines))
    first, second, third = map(json.loads, result.stdout.splitlines())
    assert first["operations"][0]["preference"]["value"] == "vegan"
    assert second["error"].startswith("malformed: ")
    assert third["operations"][0]["preference"]["slot"] == CITY


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chat", "-u", "ada", "--policy", "magic"], "policy must be one of embedded, rules, vllm:NAME"),
        (["ingest", "x.json", "--policy", "magic"], "policy must be one of"),
        (["retry", "--policy", "magic"], "policy must be one of"),
        (["eval", "turns", "--policy", "magic"], "policy must be one of"),
        (["chat", "-u", "ada", "--policy", "openai:x", "--base-url", "localhost"], "policy_url must begin"),
        (["chat", "-u", "ada", "--model", "gpt"], "model must be provider:name"),
        (["retry", "--base-url", "http://localhost/v1"], "--base-url goes with a chat model"),
        (["infer", "--policy", "rules", "--base-url", "http://localhost/v1"], "--base-url goes with"),
    ],
)
def test_a_wrong_choice_is_one_clear_error(words: list[str], message: str) -> None:
    result = CliRunner().invoke(
        app, words, env={"PERSONALAGENT_BACKEND": "memory:", "COLUMNS": "200"}, input=""
    )
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
