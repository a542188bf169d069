"""LAPS (informagi/laps, MIT): multi-session dialogues about recipes and films, with preferences by session.

A file is an array of ``{"worker_id", "topic", "sessions": [{"dialogue": [{"role", "turn_number", "message"}],
"preferences": {KEY: [value, ...]}, ...}]}``.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from personalagent.corpora.messages import as_kind, field, history
from personalagent.dialogue import Frozen, Session
from personalagent.errors import DataError

_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)

KEYS: dict[str, tuple[str, ...]] = {
    "actor_dislike": ("interests.film.filmmaker", "interests.film.avoid"),
    "actor_like": ("interests.film.filmmaker",),
    "allergies": ("consumption.diet.allergy", "consumption.diet.restriction"),
    "companion_preferences_dislike": ("family.household.diet", "scenario.guests.needs"),
    "companion_preferences_like": ("family.together.activity", "scenario.guests.needs"),
    "companions": ("family.household.members", "scenario.guests.expected"),
    "content_restrictions": ("interests.film.avoid",),
    "cuisine_dislike": ("consumption.diet.dislike",),
    "cuisine_like": ("consumption.diet.cuisine",),
    "cultural_preferences_dislike": ("interests.film.avoid",),
    "cultural_preferences_like": ("interests.film.genre",),
    "diet_requirements": ("consumption.diet.restriction", "consumption.nutrition.aim"),
    "dish_dislike": ("consumption.diet.dislike",),
    "dish_like": ("consumption.diet.dish",),
    "frequently_watched": ("interests.film.genre", "interests.series.genre"),
    "genre_preferences_dislike": ("interests.film.avoid",),
    "genre_preferences_like": ("interests.film.genre", "interests.series.genre"),
    "health_goals": ("consumption.nutrition.aim", "consumption.diet.restriction"),
    "ingredient_availability": ("scenario.moment.means",),
    "ingredient_dislike": ("consumption.diet.dislike",),
    "ingredient_like": ("consumption.diet.dish",),
    "movie_dislike": ("interests.film.avoid",),
    "movie_like": ("interests.film.favourite", "interests.fandom.universe"),
    "occasion_or_theme": ("scenario.events.role", "scenario.guests.expected"),
    "platform_availability": ("digital.streaming.service",),
    "release_period_preferences": ("interests.film.genre",),
    "seasonal_ingredients": ("scenario.moment.means", "consumption.groceries.habit"),
    "seasonal_themes": ("interests.film.genre",),
    "skill_level": ("consumption.cooking.skill",),
    "special_occasion": ("scenario.viewing.setting", "scenario.date_nights.occasion", "scenario.events.role"),
    "time_availability": ("consumption.cooking.time", "scenario.moment.means"),
    "users_mood": ("personality.emotion.mood", "scenario.moment.means"),
    "viewing_companions": ("scenario.viewing.setting", "family.household.members"),
}
"""The template slots that each key of LAPS may stand for."""


class GoldSession(Frozen):
    """One session of a user, and what people found that it says about her."""

    user: str
    worker: str
    """The person behind the user: one may have a record about recipes and another about films."""
    session: Session
    values: tuple[tuple[str, str], ...]
    """(key, value) in the order of the file."""


def read(path: Path) -> Iterator[GoldSession]:
    """The sessions of a file in their order. Raises `DataError` with the place of what is wrong."""
    try:
        records = as_kind(json.loads(path.read_text(encoding="utf-8")), list, "the file")
        for number, record in enumerate(records):
            yield from _sessions(as_kind(record, dict, f"[{number}]"), f"{path.stem}-{number}", f"[{number}]")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error


def _sessions(record: dict[str, object], user: str, where: str) -> Iterator[GoldSession]:
    worker = field({"worker_id": user, **record}, "worker_id", str, where)
    for place, value in enumerate(field(record, "sessions", list, where)):
        here = f"{where}.sessions[{place}]"
        session = as_kind(value, dict, here)
        messages = [
            {"role": field(one, "role", str, here).lower(), "content": field(one, "message", str, here)}
            for one in field(session, "dialogue", list, here)
        ]
        values = tuple(_values(field(session, "preferences", dict, here), f"{here}.preferences"))
        made = history(messages, user=user, session=f"{user}-{place}", at=_EPOCH)
        yield GoldSession(user=user, worker=worker, session=made.sessions[0], values=values)


def _values(preferences: dict[str, object], where: str) -> Iterator[tuple[str, str]]:
    for key, texts in preferences.items():
        for text in as_kind(texts, list, f"{where}.{key}"):
            yield key, as_kind(text, str, f"{where}.{key}[...]")
