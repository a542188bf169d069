"""From the sources to what a user installs: sdist, wheel from it, pinned dependencies, a new environment."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
STRAY = (
    ".env",
    ".langgraph_api/store.pckl",
    ".venv/lib/module.py",
    "people.db",
    "personalagent/people.db-wal",
    "personalagent/__pycache__/dialogue.cpython-311.pyc",
    "tests/.env",
    "tests/people.db",
)
"""What lies about in a checkout that is worked in, and must not be published."""
COMMANDS = {"demo", "chat", "ingest", "infer", "profile"}
MEGABYTE = 1_000_000


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None, seconds: int = 120) -> str:
    """What the command prints; the test fails, with all of its output, if the command does."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**bare_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command} exits {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def bare_environment() -> dict[str, str]:
    """The environment without what would let the checkout, or another Python, shine through."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, with stray files in it."""
    source = tmp_path_factory.mktemp("checkout") / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__"))
    for name in STRAY:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("stray")
    return source


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sdist, and of the wheel made from it."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source, cwd=dist)
    return dist


@pytest.fixture(scope="module")
def sdist(built: Path) -> list[str]:
    """The names of the files in the sdist, without its top folder."""
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        return [str(PurePosixPath(*PurePosixPath(m.name).parts[1:])) for m in opened if m.isfile()]


@pytest.fixture(scope="module")
def environment(source: Path, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the pinned dependencies and the wheel."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    [wheel] = built.glob("*.whl")
    run(sys.executable, "-m", "venv", folder, cwd=built)
    python = folder / "bin" / "python"
    install: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    lock = source / "requirements" / "core.lock"
    run(*install, "--require-hashes", "-r", lock, cwd=built, seconds=600)
    run(*install, "--no-deps", "--no-index", wheel, cwd=built)
    return folder


def python(environment: Path, code: str, cwd: Path) -> Any:
    """What the code prints, read as JSON."""
    return json.loads(run(environment / "bin" / "python", "-c", code, cwd=cwd))


def test_the_sdist_holds_what_is_needed_to_build_and_test(sdist: list[str]) -> None:
    needed = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "langgraph.json",
        "requirements/core.lock",
        "Makefile",
    }
    needed |= {"personalagent/profile/template.json", "tests/conftest.py", "personalagent/py.typed"}
    assert needed <= set(sdist)


def test_the_sdist_holds_nothing_stray(sdist: list[str]) -> None:
    assert not set(STRAY) & set(sdist)
    forbidden = re.compile(
        r"(^|/)(\.env|\.venv.*|\.git|__pycache__|\.langgraph_api|\..*_cache)(/|$)|\.(db.*|pyc)$"
    )
    assert [name for name in sdist if forbidden.search(name)] == []


def test_the_wheel_holds_the_package_and_its_data_only(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {PurePosixPath(name).parts[0].split("-")[0] for name in names} == {"personalagent"}
    data = {
        "personalagent/profile/template.json",
        "personalagent/corpora/data/demo.json",
        "personalagent/py.typed",
    }
    assert data <= set(names)
    assert not set(STRAY) & set(names)


def test_the_pinned_dependencies_are_the_declared_ones(environment: Path, tmp_path: Path) -> None:
    run(environment / "bin" / "python", "-m", "pip", "check", cwd=tmp_path)


def test_the_installed_package_imports_outside_the_checkout(environment: Path, tmp_path: Path) -> None:
    code = "import json, personalagent as p; print(json.dumps([p.__file__, len(p.load_template().slots)]))"
    file, slots = python(environment, code, tmp_path)
    assert Path(file).is_relative_to(environment)
    assert slots >= 300


def test_the_demo_runs_offline(environment: Path, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    proxies = {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "ALL_PROXY": nowhere}
    shown = run(environment / "bin" / "personalagent", "demo", cwd=tmp_path, env=proxies)
    assert re.search(r"\+ consumption\.diet\.restriction = vegetarian", shown)
    assert list(tmp_path.iterdir()) == []


def test_the_help_lists_the_commands(environment: Path, tmp_path: Path) -> None:
    shown = run(environment / "bin" / "personalagent", "--help", cwd=tmp_path)
    assert set(re.findall(r"^\W*([a-z]+)  ", shown, re.MULTILINE)) >= COMMANDS


def test_no_training_or_development_package_comes_along(environment: Path, tmp_path: Path) -> None:
    code = """if True:
        import importlib.metadata, json
        print(json.dumps([one.name.lower() for one in importlib.metadata.distributions()]))
    """
    installed = python(environment, code, tmp_path)
    assert "personalagent" in installed
    assert not {"torch", "transformers", "trl", "vllm", "pytest", "langgraph-api"} & set(installed)


def test_the_installation_stays_small(environment: Path) -> None:
    [packages] = environment.glob("lib/python*/site-packages")
    size = sum(file.lstat().st_size for file in packages.rglob("*") if not file.is_dir())
    assert 50 * MEGABYTE < size < 700 * MEGABYTE
