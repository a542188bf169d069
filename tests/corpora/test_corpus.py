"""Files: what they are told by, where bad records are, and that none stops the others."""

import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora.corpus import BadRecord, read
from personalagent.dialogue import Dialogue

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(text: str | bytes, name: str = "chats.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to


def chat(text: str, **fields: Any) -> str:
    return json.dumps({"user": "ada", "messages": [{"role": "user", "content": text}]} | fields)


def bare(text: str) -> str:
    return json.dumps([{"role": "user", "content": text}])


def aloe(text: str) -> str:
    replies = {"preferred": "a", "rejected": "b"}
    return json.dumps(
        {"profile": "p", "conversations": [{"user": text, "assistant": replies, "chosen": "a"}]}
    )


def prefeval(text: str) -> str:
    said = {"0": {"user": text, "assistant": "a"}}
    return json.dumps({"preference": "p", "question": "q", "persona": "x", "conversation": said})


def outline(path: Path, user: str | None = None) -> list[str | int]:
    """The first text of each dialogue, the line of each bad record."""
    made = list(read(path, user=user))
    assert all(isinstance(item, Dialogue) or (item.path == path and "\n" not in item.reason) for item in made)
    return [item.turns[0].text if isinstance(item, Dialogue) else item.line for item in made]


def indented(*records: str) -> str:
    return json.dumps([json.loads(record) for record in records], indent=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (chat("a"), ["a"]),
        (chat("a") + "\n" + chat("b") + "\n", ["a", "b"]),
        (chat("a") + "\r\n\r\n \r\n" + chat("b"), ["a", "b"]),
        ("\n\n" + chat("a") + "\n", ["a"]),
        (f"[{chat('a')}, {chat('b')}]", ["a", "b"]),
        (indented(chat("a"), chat("b")), ["a", "b"]),
        (f"[\n{chat('a')},\n{chat('b')}\n]\n", ["a", "b"]),
        (json.dumps(json.loads(chat("a")), indent=2), ["a"]),
        (bare("a"), ["a"]),
        (json.dumps(json.loads(bare("a")), indent=2), ["a"]),
        (bare("a") + "\n" + bare("b"), ["a", "b"]),
        (f"[{bare('a')},\n{bare('b')}]", ["a", "b"]),
        (aloe("a") + "\n" + aloe("b"), ["a", "b"]),
        (indented(prefeval("a"), prefeval("b")), ["a", "b"]),
        (aloe("a") + "\n" + prefeval("b") + "\n" + chat("c") + "\n" + bare("d"), ["a", "b", "c", "d"]),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_layout_is_told_by_its_content(write: Write, text: str, expected: list[str], mark: str) -> None:
    assert outline(write(mark + text), user="ada") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (chat("a") + "\n{oops}\n\n" + chat("b"), ["a", 2, "b"]),
        ("{oops}\n" + chat("a"), [1, "a"]),
        ("oops\n" + chat("a"), [1, "a"]),
        ("\n" + bare("a")[:-4] + "\n" + bare("b") + "\n" + bare("c"), [2, "b", "c"]),
        (chat("a") + "\n42\nnull\n{}\n[]\n" + chat("b"), ["a", 2, 3, 4, 5, "b"]),
        (chat("a", user="") + "\n" + chat("b"), [1, "b"]),
        (chat("a").encode() + b"\n\xff\n" + chat("b").encode(), ["a", 2, "b"]),
        (b"{\xff}\n" + chat("b").encode(), [1, "b"]),
        (f"{chat('a')}\n{'[' * 100_000}\n{chat('b')}", ["a", 2, "b"]),
        (f"{chat('a')}\n{'[' + '9' * 5000 + ']'}\n{chat('b')}", ["a", 2, "b"]),
        (f"[\n{chat('a')},\n\n{chat('b', user=3)},\n{chat('c')}]", ["a", 4, "c"]),
        (f"[\n{chat('a')},\n{chat('b')},\n{{oops}},\n{chat('c')}]", ["a", "b", 4]),
        (f"[\n{chat('a')}\n{chat('b')}]", ["a", 3]),
        (f"[\n{chat('a')},\n]", ["a", 3]),
        (f"[\n{chat('a')}\n]\nmore", ["a", 4]),
        (f"[\n{chat('a')},\n{'9' * 5000}]", ["a", 3]),
        (f"[\n{{oops}},\n{chat('a')}\n]", [2]),
        (f"[\n{chat('a')}", ["a", 2]),
        (indented(chat("a"), chat("b")).replace('"b"', "b"), ["a", 16]),
        (json.dumps(json.loads(bare("a")), indent=2).replace('"a"', "a"), [4]),
    ],
)
def test_a_bad_record_stops_no_other(write: Write, text: str | bytes, expected: list[str | int]) -> None:
    assert outline(write(text), user="ada") == expected


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", 1, "empty"),
        (b"\xef\xbb\xbf \n\n", 1, "empty"),
        (b"[]", 1, "no record"),
        (b"Dear diary,\nnothing happened.\n", 1, "not JSON"),
        (b"id,text\n1,hello\n", 1, "not JSON"),
        (b"1\n2\n", 2, "not JSON"),
        (b'{\n "user": "ada",\n "messages": [\n', 4, "not JSON"),
        (b'{"user": "ada"} and more', 1, "Extra data"),
        (b'[\n"\xff"]', 2, "not UTF-8"),
        (chat("a").encode("utf-16"), 1, "not UTF-8"),
        (b"7", 1, "known format (aloe, prefeval, messages)"),
        (b"[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_a_file_that_is_none_is_one_bad_record(write: Write, content: bytes, line: int, reason: str) -> None:
    (bad,) = read(write(content))
    assert isinstance(bad, BadRecord)
    assert (bad.line, reason in bad.reason) == (line, True), bad


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.json"):
        (bad,) = read(path)
        assert isinstance(bad, BadRecord)
        assert "cannot be read" in bad.reason


def test_a_user_is_asked_for_only_where_the_record_names_none(write: Write) -> None:
    path = write(chat("a") + "\n" + bare("b"))
    named, bad = read(path)
    assert isinstance(bad, BadRecord)
    assert "--user" in bad.reason
    assert [made.user for made in read(path, user="bo") if isinstance(made, Dialogue)] == ["ada", "bo"]
    assert isinstance(named, Dialogue)


def test_records_are_read_one_by_one(write: Write) -> None:
    path = write("".join(chat(text) + "\n" for text in "abc"))
    records = read(path)
    next(records)
    with path.open("a") as file:
        file.write(chat("d") + "\n")
    assert [made.turns[0].text for made in records if isinstance(made, Dialogue)] == ["b", "c", "d"]


def test_ids_count_bad_records_and_times_keep_the_order(write: Write) -> None:
    made = list(read(write("\n".join([prefeval("a"), "{oops}", prefeval("b"), chat("c")]), "topic.v2.json")))
    dialogues = [item for item in made if isinstance(item, Dialogue)]
    assert [item.user for item in dialogues] == ["prefeval-topic.v2-0", "prefeval-topic.v2-2", "ada"]
    assert dialogues[2].sessions[0].id == "topic.v2-3"
    first, second, third = (item.turns[0].at for item in dialogues)
    assert (second - first, third - second) == (timedelta(milliseconds=20), timedelta(milliseconds=10))


def test_sessions_of_one_user_stay_apart(write: Write) -> None:
    made = list(read(write(chat("a", session="s1") + "\n" + chat("a", thread_id="s2"))))
    assert len({turn.key for item in made if isinstance(item, Dialogue) for turn in item.turns}) == 2


TEXT = st.text(max_size=20)
RECORD = st.one_of(
    st.builds(aloe, TEXT),
    st.builds(prefeval, TEXT),
    st.builds(chat, TEXT, session=TEXT, user=TEXT),
    st.builds(bare, TEXT),
    st.sampled_from(["{oops}", "[]", "7"]),
)


@given(
    records=st.lists(RECORD, max_size=6), array=st.booleans(), stem=st.sampled_from(["a", "b.c", "\udcff"])
)
def test_reading_twice_gives_the_same_keys(records: list[str], array: bool, stem: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{stem}.json"
        path.write_text("[" + ",\n".join(records) + "]" if array else "\n".join(records))
        once, again = (
            [[turn.key for turn in item.turns] if isinstance(item, Dialogue) else item for item in run]
            for run in (list(read(path, user="ada")), list(read(path, user="ada")))
        )
    assert once == again
    assert array or len(once) in (len(records), 1)
