"""vLLM: the command that serves a model, and what its server answers. It is never imported, but run."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import BaseModel, Field, ValidationError

from personalagent.errors import SettingError

COMMAND = "vllm serve"
KEY = "PERSONALAGENT_POLICY_KEY"
NO_TELEMETRY = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as the highest rank of its adapters."""
INSTEAD = {
    "--api-key": f"the environment variable {KEY}",
    "--host": "--host before it",
    "--lora-modules": "--lora",
    "--port": "--port before it",
    "--served-model-name": "--name",
}
"""Options of vLLM that this package must know of, or that must not be seen by all, and what gives them."""
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses to listen at that are none to connect to."""
CONTEXT = 4096
"""Tokens of a prompt and its reply; theirs are fewer, and a longer context would cost memory."""


class _AdapterConfig(BaseModel):
    """What `adapter_config.json` of PEFT says about ranks; patterns are for single modules."""

    r: int = Field(ge=1)
    rank_pattern: dict[str, int] | None = None


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter, the name that it is asked for by, and its highest rank."""

    name: str
    folder: Path
    rank: int

    @classmethod
    def parse(cls, given: str) -> "Adapter":
        """The adapter of NAME=DIR; raises `SettingError` if that is none, or too large for vLLM."""
        name, _, folder = given.partition("=")
        if not (name and folder):
            raise SettingError(f"--lora must be NAME=DIR, not {given!r}")
        path = _expanded(folder)
        config = path / "adapter_config.json"
        if not path.is_dir():
            raise SettingError(f"--lora {name}: there is no folder {folder}")
        if not config.is_file():
            raise SettingError(f"--lora {name}: {folder} holds no adapter_config.json, so it is no adapter")
        try:
            found = _AdapterConfig.model_validate_json(config.read_bytes())
        except (OSError, ValidationError) as error:
            raise SettingError(f"--lora {name}: {config} does not give a rank r") from error
        rank = max(found.r, *(found.rank_pattern or {}).values(), 1)
        if rank > RANKS[-1]:
            raise SettingError(f"--lora {name}: its rank {rank} is more than vLLM's highest, {RANKS[-1]}")
        return cls(name, path, rank)

    @property
    def argument(self) -> str:
        """As --lora-modules takes it: NAME=DIR, or JSON where vLLM would split that wrongly."""
        plain = f"{self.name}={self.folder}"
        if plain.count("=") == 1 and "," not in plain:
            return plain
        return json.dumps({"name": self.name, "path": str(self.folder)})


@dataclass(frozen=True)
class Served:
    """A model as it is to be served, with its adapters, and with further options of vLLM."""

    model: str
    name: str
    host: str = "127.0.0.1"
    port: int = 8000
    adapters: tuple[Adapter, ...] = ()
    further: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `SettingError` for names that are given twice, and for options that cannot be passed on."""
        for name in self.names:
            if self.names.count(name) > 1:
                raise SettingError(f"the name {name!r} is given twice: adapters need names of their own")
        if self.further and not self.further[0].startswith("-"):
            raise SettingError(
                f"unexpected {self.further[0]!r}: one MODEL is served; options of vLLM stand after --"
            )
        for one in self.further:
            option = one.partition("=")[0].replace("_", "-")
            if option in INSTEAD:
                raise SettingError(f"{option} cannot stand after --: use {INSTEAD[option]}")

    @property
    def names(self) -> tuple[str, ...]:
        """What the server can be asked for: the model, then its adapters."""
        return (self.name, *(adapter.name for adapter in self.adapters))

    @property
    def origin(self) -> str:
        """Where the server is asked, without a path."""
        host = ANY_ADDRESS.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def command(self, start: Sequence[str] = tuple(COMMAND.split())) -> list[str]:
        """The command that serves this; it begins with `start`, and no key is in it: others see commands."""
        return [
            *start,
            self.model,
            *("--served-model-name", self.name),
            *("--host", self.host),
            *("--port", str(self.port)),
            *("--max-model-len", str(CONTEXT)),
            "--enable-prompt-tokens-details",
            *self._lora_options(),
            *self.further,
        ]

    def _lora_options(self) -> list[str]:
        if not self.adapters:
            return []
        highest = max(adapter.rank for adapter in self.adapters)
        rank = next(taken for taken in RANKS if taken >= highest)
        modules = [adapter.argument for adapter in self.adapters]
        return ["--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", *modules]


def model_given(given: str) -> str:
    """The model as vLLM takes it; raises `SettingError` for what is plainly a path, but of nothing."""
    if not given.startswith((".", "/", "~")):
        return given
    path = _expanded(given)
    if not path.exists():
        raise SettingError(f"there is no model at {given}")
    return str(path) if given.startswith("~") else given


def default_name(model: str) -> str:
    """The last part of a model's name or path."""
    path = Path(model)
    return path.name if path.name not in ("", "..") else path.resolve().name


def additions(environ: Mapping[str, str]) -> dict[str, str]:
    """What vLLM's environment holds beyond this one: no telemetry, unless that is set, and the key."""
    added = {name: value for name, value in NO_TELEMETRY.items() if name not in environ}
    if key := environ.get(KEY, "").strip():
        added["VLLM_API_KEY"] = key
    return added


def for_a_shell(command: Sequence[str], added: Mapping[str, str]) -> str:
    """The command as it is typed, the additions to its environment in front; the key is only referred to."""
    shown = {name: shlex.quote(value) for name, value in added.items()}
    if "VLLM_API_KEY" in shown:
        shown["VLLM_API_KEY"] = f'"${KEY}"'
    return " ".join([*(f"{name}={value}" for name, value in shown.items()), shlex.join(command)])


def lacking(client: httpx.Client, names: Sequence[str]) -> str:
    """What a server still lacks to be asked for these names; empty if nothing."""
    path = "/health"
    try:
        for path in ("/health", "/v1/models"):
            answer = client.get(path)
            if answer.status_code != httpx.codes.OK:
                return f"{path} answers {answer.status_code}"
        served = {model.id for model in _Models.model_validate_json(answer.content).data}
    except httpx.TransportError as error:
        return f"{path}: {error}"
    except ValidationError:
        return f"{path} is not a list of models"
    missing = [name for name in names if name not in served]
    return f"{path} does not name {', '.join(missing)}" if missing else ""


def _expanded(path: str) -> Path:
    """The path, with ~ for the home directory: shells leave it within NAME=~/DIR."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is no such user
        return Path(path)
