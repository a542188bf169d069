"""The conformance suite: what every back end must do."""

import asyncio
import hashlib
import time
from uuid import uuid4

import pytest

from personalagent.errors import ArchiveError, InvalidUserId, UnknownTurn
from personalagent.policies.policy import Failure
from personalagent.profile.log import edit_entry
from personalagent.profile.preference import Preference
from personalagent.profile.profile import Profile, fold
from personalagent.stores.backends import Backend
from personalagent.stores.profiles import SNAPSHOT_EVERY, ProfileStore
from tests.make import ALLERGY, CITY, DIET, day, entry, states, turn

USERS = [
    "ada",
    "ada.lovelace+test@example.org",
    "用户 42",
    "مستخدم",
    "a/b\\c%_*?",
    "..",
    "🙂",
    "x" * 512,
    "'; DROP TABLE store; --",
    "O'Brien",
]


@pytest.fixture
def user() -> str:
    """A user whom no other test knows; Postgres is shared."""
    return f"user-{uuid4()}"


@pytest.fixture
def profiles(backend: Backend) -> ProfileStore:
    return backend.profiles


def values(profile: Profile, slot: str) -> list[str]:
    return [held.preference.value for held in profile.current.get(slot, ())]


async def test_an_unknown_user_has_an_empty_profile(profiles: ProfileStore, user: str) -> None:
    assert await profiles.profile(user) == Profile()
    assert await profiles.log(user) == ()
    assert await profiles.pending(user) == ()
    assert await profiles.erase(user) == 0


@pytest.mark.parametrize("name", USERS)
async def test_any_user_id_works_and_sees_her_own_only(profiles: ProfileStore, name: str) -> None:
    name = (name + str(uuid4()))[-512:]
    await profiles.append(name, [entry(0, states(CITY, "Leeds", kind="one"))])
    assert values(await profiles.profile(name), CITY) == ["Leeds"]
    for other in (name[:-1], name + "x", name.upper() + "!"):
        if len(other) <= 512:
            assert await profiles.profile(other) == Profile()


@pytest.mark.parametrize("bad", ["", "   ", "a\x00b", "x" * 513, None, 7])
async def test_what_cannot_be_a_user_id_is_an_error(profiles: ProfileStore, bad: object) -> None:
    with pytest.raises(InvalidUserId):
        await profiles.profile(bad)  # type: ignore[arg-type]


async def test_the_profile_is_the_fold_of_the_log(profiles: ProfileStore, user: str) -> None:
    entries = [entry(n, states(ALLERGY, f"food {n}")) for n in range(5)]
    await profiles.append(user, entries)
    assert await profiles.profile(user) == fold(entries) == fold(await profiles.log(user))


async def test_appending_the_same_again_stores_nothing(profiles: ProfileStore, user: str) -> None:
    entries = [entry(0, states(DIET, "vegan")), entry(1)]
    assert await profiles.append(user, entries) == tuple(entries)
    before = await profiles.profile(user)
    assert await profiles.append(user, entries) == ()
    assert await profiles.profile(user) == before
    assert len(await profiles.log(user)) == 2


async def test_the_first_entry_under_a_key_stays(profiles: ProfileStore, user: str) -> None:
    await profiles.append(user, [entry(0, states(DIET, "vegan"))])
    await profiles.append(user, [entry(0, states(DIET, "carnivore"))])
    assert values(await profiles.profile(user), DIET) == ["vegan"]


async def test_concurrent_sessions_lose_nothing(profiles: ProfileStore, user: str) -> None:
    async def session(name: str) -> None:
        for n in range(SNAPSHOT_EVERY):
            await profiles.append(user, [entry(n, states(ALLERGY, f"{name} {n}"), session=name)])
            await profiles.profile(user)

    await asyncio.gather(*(session(name) for name in "abcd"))
    assert len(values(await profiles.profile(user), ALLERGY)) == 4 * SNAPSHOT_EVERY


async def test_identical_writes_at_the_same_time_leave_one_value(profiles: ProfileStore, user: str) -> None:
    await asyncio.gather(*(profiles.append(user, [entry(0, states(DIET, "vegan"))]) for _ in range(8)))
    assert values(await profiles.profile(user), DIET) == ["vegan"]


async def test_a_long_log_reads_the_same_with_and_without_its_snapshot(
    profiles: ProfileStore, user: str
) -> None:
    entries = [entry(n, states(ALLERGY, f"food {n}")) for n in range(1100)]
    await profiles.append(user, entries)
    first = await profiles.profile(user)
    assert first == fold(entries)
    await profiles.append(user, [entry(2000, states(CITY, "Leeds", kind="one"))])
    assert values(await profiles.profile(user), CITY) == ["Leeds"]
    assert len((await profiles.profile(user)).entries) == 1101


async def test_a_late_entry_with_an_early_time_takes_its_place_in_history(
    profiles: ProfileStore, user: str
) -> None:
    for n in range(1, SNAPSHOT_EVERY + 2):
        await profiles.append(user, [entry(n, states(CITY, f"City {n}", kind="one"))])
    await profiles.profile(user)
    await profiles.append(user, [entry(0, states(CITY, "Birthplace", kind="one"))])
    profile = await profiles.profile(user)
    assert profile.why(CITY)[0].preference.value == "Birthplace"
    assert values(profile, CITY) == [f"City {SNAPSHOT_EVERY + 1}"]


async def test_silent_turns_move_the_snapshot_on_too(
    profiles: ProfileStore, backend: Backend, user: str
) -> None:
    space = ("personalagent", hashlib.sha256(user.encode()).hexdigest(), "snapshot")
    await profiles.append(user, [entry(n) for n in range(SNAPSHOT_EVERY)])
    await profiles.profile(user)
    item = await backend.store.aget(space, "latest")
    assert item is not None, "else every later read would parse all silent turns again"
    await profiles.append(user, [entry(100)])
    await profiles.profile(user)
    again = await backend.store.aget(space, "latest")
    assert again is not None
    assert again.value == item.value, "one entry is no reason to write a snapshot"


async def test_an_entry_from_a_host_whose_clock_lags_is_not_lost_behind_a_snapshot(
    profiles: ProfileStore, backend: Backend, user: str
) -> None:
    entries = [entry(n, states(ALLERGY, f"food {n}")) for n in range(SNAPSHOT_EVERY)]
    await profiles.append(user, entries)
    await profiles.profile(user)
    space = ("personalagent", hashlib.sha256(user.encode()).hexdigest(), "log")
    assert await backend.store.aget(space, entries[0].key)
    late = entry(99, states(CITY, "Leeds", kind="one"))
    half_a_minute_ago = time.time_ns() // 1_000_000 - 30_000
    row = {"logged_ms": half_a_minute_ago, "entry": late.model_dump(mode="json")}
    await backend.store.aput(space, late.key, row, index=False)
    assert values(await profiles.profile(user), CITY) == ["Leeds"]


async def test_profile_at_why_and_undo_read_the_log(profiles: ProfileStore, user: str) -> None:
    log = [entry(0, states(CITY, "Leeds", kind="one")), entry(5, states(CITY, "York", kind="one"))]
    await profiles.append(user, log)
    assert values(await profiles.profile_at(user, day(3)), CITY) == ["Leeds"]
    await profiles.undo(user, log[1].key)
    await profiles.undo(user, log[1].key)
    profile = await profiles.profile(user)
    assert [held.preference.value for held in profile.why(CITY)] == ["Leeds"]
    with pytest.raises(UnknownTurn, match="nosuch"):
        await profiles.undo(user, "nosuch")


async def test_a_turn_stays_pending_until_it_is_logged(profiles: ProfileStore, user: str) -> None:
    waiting = turn("I live in Leeds", user=user)
    failure = Failure(kind="timeout", detail="after 30 s")
    await profiles.put_pending(user, waiting, failure)
    (pending,) = await profiles.pending(user)
    assert (pending.turn, pending.failure) == (waiting, failure)
    assert await profiles.logged(user, [waiting]) == frozenset()
    done = entry(0, states(CITY, "Leeds", kind="one")).model_copy(update={"key": waiting.key})
    await profiles.append(user, [done])
    assert await profiles.pending(user) == ()
    assert await profiles.logged(user, [waiting]) == {waiting.key}


async def test_export_and_import_carry_everything(profiles: ProfileStore, user: str) -> None:
    pinned = edit_entry("pin", Preference(slot=DIET, value="vegan"), day(2))
    await profiles.append(user, [entry(0, states(CITY, "Leeds", kind="one")), pinned])
    await profiles.put_pending(user, turn("hm", user=user), Failure(kind="malformed"))
    archive = (await profiles.export(user)).model_dump(mode="json")
    before = await profiles.profile(user)
    await profiles.erase(user)
    assert await profiles.import_(user, archive) == 2
    assert await profiles.profile(user) == before
    assert len(await profiles.pending(user)) == 1
    assert await profiles.import_(user, archive) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other/9"}, "format"),
        ({"entries": [{"kind": "turn"}]}, "entries.0"),
        ({"surprise": 1}, "surprise"),
        ({"user": "somebody else"}, "belongs to 'somebody else'"),
    ],
)
async def test_a_bad_archive_is_refused_whole(
    profiles: ProfileStore, user: str, change: dict[str, object], message: str
) -> None:
    await profiles.append(user, [entry(0, states(DIET, "vegan"))])
    archive = (await profiles.export(user)).model_dump(mode="json")
    await profiles.erase(user)
    with pytest.raises(ArchiveError, match=message):
        await profiles.import_(user, {**archive, **change})
    assert await profiles.log(user) == ()


async def test_erasing_one_user_leaves_the_others(profiles: ProfileStore, user: str) -> None:
    for name in (user, user + ".b"):
        await profiles.append(name, [entry(0, states(DIET, "vegan"))])
        await profiles.note_thread(name, "thread")
    await profiles.profile(user)
    assert await profiles.erase(user) >= 2
    assert await profiles.profile(user) == Profile()
    assert await profiles.threads(user) == ()
    assert values(await profiles.profile(user + ".b"), DIET) == ["vegan"]


async def test_values_in_any_script_come_back_as_they_were(profiles: ProfileStore, user: str) -> None:
    words = ["سمك", "鱼 🐟", "naïve café", 'quo"te\\', "‏rtl", "a\nb\tc"]
    await profiles.append(user, [entry(0, *(states(ALLERGY, word) for word in words))])
    assert sorted(values(await profiles.profile(user), ALLERGY)) == sorted(words)
