import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.make import CITY, DIET


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read is no concern here, and the rules read it in no time."""
    monkeypatch.setenv("PERSONALAGENT_POLICY", "rules")


def record(user: str, *texts: str, session: str = "s") -> dict[str, object]:
    messages = [
        message
        for text in texts
        for message in ({"role": "user", "content": text}, {"role": "assistant", "content": "ok"})
    ]
    return {"user": user, "session": session, "messages": messages}


def write(path: Path, *records: object) -> str:
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
    return str(path)


def counts(output: str) -> dict[str, int]:
    found = re.findall(r"(\d+) (users|turns|known|stored|rejected|pending|bad)", output)
    return {name: int(number) for number, name in found}


def values(cli: Cli, user: str) -> dict[str, list[str]]:
    profile = json.loads(cli("profile", "show", "-u", user, "--json").stdout)["profile"]
    return {slot: [held["value"] for held in current] for slot, current in profile.items()}


def test_many_users_and_sessions_are_read_and_a_second_run_stores_nothing_new(
    cli: Cli, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "chats.jsonl",
        record("ada", "I live in Leeds", "I went vegetarian last spring"),
        record("bob", "I live in Oslo"),
        record("ada", "I moved to York", session="later"),
    )
    first = cli("ingest", file)
    assert first.exit_code == 0
    assert counts(first.stdout) == {
        "users": 2,
        "turns": 4,
        "known": 0,
        "stored": 4,
        "rejected": 0,
        "pending": 0,
        "bad": 0,
    }
    assert values(cli, "ada") == {DIET: ["vegetarian"], CITY: ["York"]}
    assert values(cli, "bob") == {CITY: ["Oslo"]}
    before = cli("profile", "export", "-u", "ada").stdout
    second = counts(cli("ingest", file).stdout)
    assert (second["known"], second["stored"]) == (4, 0)
    assert cli("profile", "export", "-u", "ada").stdout == before


def test_bad_records_are_reported_with_file_and_line_and_the_rest_is_read(cli: Cli, tmp_path: Path) -> None:
    file = write(
        tmp_path / "chats.jsonl",
        record("ada", "I live in Leeds"),
        '{"user": "bob", "messages": [',
        {"user": "", "messages": [{"role": "user", "content": "I live in Oslo"}]},
        record("eve", "I live in Rome"),
    )
    result = cli("ingest", file, str(tmp_path / "missing.jsonl"))
    assert result.exit_code == 1
    assert f"{file}:2" in result.stderr
    assert f"{file}:3" in result.stderr
    assert "missing.jsonl:1" in result.stderr
    assert counts(result.stdout)["bad"] == 3
    assert values(cli, "eve") == {CITY: ["Rome"]}


def test_a_bare_message_list_needs_a_user(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "chat.json"
    file.write_text(json.dumps([{"role": "user", "content": "I live in Leeds"}]))
    without = cli("ingest", str(file))
    assert without.exit_code == 1
    assert "--user" in without.stderr
    assert cli("ingest", str(file), "--user", "ada").exit_code == 0
    assert values(cli, "ada") == {CITY: ["Leeds"]}


def test_an_ingest_that_was_killed_goes_on_where_it_stopped(cli: Cli, tmp_path: Path) -> None:
    users = [record(f"user {n}", *(f"I live in Town{n}x{i}" for i in range(130))) for n in range(12)]
    file = write(tmp_path / "chats.jsonl", *users)
    database = tmp_path / "people.db"
    command = [sys.executable, "-m", "personalagent", "ingest", file, "--backend", f"sqlite:{database}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None and not _logged(database):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    killed_after = _logged(database)
    result = counts(cli("ingest", file).stdout)
    assert result["turns"] == 12 * 130
    assert result["known"] >= killed_after > 0
    assert result["known"] + result["stored"] == 12 * 130
    assert values(cli, "user 7") == {CITY: ["Town7x129"]}


def _logged(database: Path) -> int:
    """How many turns are in the log by now; 0 while the database is being made."""
    counted = "select count(*) from store where prefix like '%.log'"
    try:
        with closing(sqlite3.connect(database)) as connection:
            return int(connection.execute(counted).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
