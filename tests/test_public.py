import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from langgraph.graph.state import CompiledStateGraph
from typer.main import get_command

import personalagent
from personalagent.cli import app
from personalagent.graph.context import Context, keys_from_env
from personalagent.graph.state import State

ROOT = Path(__file__).parents[1]
CONFIG = json.loads((ROOT / "langgraph.json").read_text("utf-8"))
HEAVY = {"chromadb", "torch", "transformers", "trl", "vllm"}


def graphs() -> dict[str, str]:
    """The address of every graph in langgraph.json."""
    given = CONFIG["graphs"].items()
    return {name: one["path"] if isinstance(one, dict) else one for name, one in given}


def other_addresses() -> dict[str, str]:
    """The addresses of the other objects in langgraph.json that the server imports."""
    places = [("http", "app"), ("auth", "path"), ("store", "path"), ("checkpointer", "path")]
    return {".".join(place): found for place in places if (found := CONFIG.get(place[0], {}).get(place[1]))}


@pytest.mark.parametrize("name", graphs())
def test_the_server_finds_the_graph_and_brings_store_and_checkpointer(name: str) -> None:
    graph = resolve_name(graphs()[name])
    assert isinstance(graph, CompiledStateGraph)
    assert graph.checkpointer is None
    assert graph.store is None


@pytest.mark.parametrize("name", graphs())
def test_the_server_can_describe_the_graph(name: str) -> None:
    graph = resolve_name(graphs()[name])
    assert list(graph.get_input_jsonschema()["properties"]) == ["messages"]
    assert set(graph.get_output_jsonschema()["properties"]) == set(State.__annotations__)
    assert set(graph.get_context_jsonschema()["properties"]) == set(Context.__dataclass_fields__)


def test_all_other_addresses_in_langgraph_json_resolve() -> None:
    assert all(resolve_name(address) is not None for address in other_addresses().values())


def test_the_langgraph_json_depends_on_this_package() -> None:
    assert CONFIG["dependencies"] == ["."]


def test_all_names_the_public_api_once_and_in_order() -> None:
    assert personalagent.__all__ == sorted(personalagent._HOME)
    assert "__version__" not in personalagent.__all__


@pytest.mark.parametrize("name", personalagent.__all__)
def test_every_public_name_resolves(name: str) -> None:
    found = getattr(personalagent, name)
    assert found.__name__ == name
    assert found.__module__.startswith("personalagent.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = personalagent.nothing


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty packages with the heavy ones' names: even an import that is guarded by `try` then shows."""
    folder = tmp_path_factory.mktemp("stand-ins")
    for name in HEAVY:
        (folder / f"{name}.py").touch()
    return folder


def imported_by(module: str, stand_ins: Path) -> set[str]:
    """The top-level packages that importing the module brings into a fresh Python."""
    code = f"import sys; sys.path.insert(0, {str(stand_ins)!r}); import {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_costs_nothing(stand_ins: Path) -> None:
    found = imported_by("personalagent", stand_ins)
    assert "personalagent" in found
    assert not found & {*HEAVY, "langgraph", "langchain_core", "langchain", "pydantic", "typer", "rich"}


def test_importing_the_graph_loads_no_models_and_no_index(stand_ins: Path) -> None:
    found = imported_by("personalagent.graph.agent", stand_ins)
    assert "langgraph" in found
    assert not found & HEAVY


class Environ(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def read_by_commands(command: Any) -> Iterator[str]:
    """The environment variables that the command and those below it read."""
    for parameter in command.params:
        names = parameter.envvar or []
        yield from [names] if isinstance(names, str) else names
    for one in getattr(command, "commands", {}).values():
        yield from read_by_commands(one)


def example() -> dict[str, str]:
    """What .env.example offers; there, all of it is commented out."""
    lines = [line.removeprefix("# ") for line in (ROOT / ".env.example").read_text("utf-8").splitlines()]
    return dict(line.split("=", 1) for line in lines if "=" in line and " " not in line.split("=")[0])


def test_the_example_environment_holds_known_variables_with_good_values() -> None:
    environ = Environ(example())
    context = Context.from_env(environ)
    assert context.model == environ["PERSONALAGENT_MODEL"]
    keys_from_env(context, environ)  # which asks for the keys; here they are empty
    known = environ.asked | set(read_by_commands(get_command(app)))
    assert set(environ) <= known
