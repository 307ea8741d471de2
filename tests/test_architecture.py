"""The floors of the house: imports go down, never up or sideways, and never through the package root."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minisqs

ROOT = Path(minisqs.__file__).parent
MODULES = {path.relative_to(ROOT).with_suffix("").parts: path.read_text() for path in sorted(ROOT.rglob("*.py"))}
FLOORS = (
    {"errors", "limits", "outside"},
    {"engine"},
    {"sim", "protocol"},
    {"client", "poller"},
    {"world"},
    {"explore"},
    {"testing", "adapters"},
    {"__main__"},
)
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}
SIDEWAYS = {("errors", "limits")}


def imported(module: tuple[str, ...], source: str) -> list[tuple[str, ...]]:
    """What a module imports of minisqs, each as a path below the root; () is the root itself."""
    found: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [tuple(name.name.split(".")[1:]) for name in node.names if name.name.split(".")[0] == "minisqs"]
        elif isinstance(node, ast.ImportFrom):
            path = (node.module or "").split(".") if node.module else []
            whole = [*module[: -node.level], *path] if node.level else path[1:]
            if node.level or path[:1] == ["minisqs"]:
                # ``from .. import errors`` means the module errors; ``from .. import World`` means the root.
                known = {name.name: (*whole, name.name) in MODULES or name.name in FLOOR for name in node.names}
                found += [(*whole, name) if is_module else tuple(whole) for name, is_module in known.items()]
    return found


def upward(module: tuple[str, ...], source: str) -> list[str]:
    """The imports of a module that its floor forbids."""
    here = module[0]
    return [
        ".".join(target) or "the package root"
        for target in imported(module, source)
        if not target or (target[0] != here and FLOOR[target[0]] >= FLOOR[here] and (here, target[0]) not in SIDEWAYS)
    ]


@pytest.mark.parametrize("module", [module for module in MODULES if module != ("__init__",)], ids=".".join)
def test_every_import_goes_down(module: tuple[str, ...]) -> None:
    assert upward(module, MODULES[module]) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ..world import World", ["world"]),
        ("from .. import world", ["world"]),
        ("def late():\n    from ..sim.port import Port", ["sim.port"]),
        ("import minisqs", ["the package root"]),
        ("from minisqs import World", ["the package root"]),
        ("from .. import World", ["the package root"]),
        ("import minisqs.client", ["client"]),
        ("from .. import errors, limits\nfrom ..limits import SECOND_NS\nfrom . import checks\nimport re", []),
    ],
)
def test_an_import_that_goes_up_is_found(source: str, found: list[str]) -> None:
    assert upward(("engine", "made_up"), source) == found


def test_neighbours_on_one_floor_do_not_import_each_other() -> None:
    assert upward(("poller",), "from .client import Queue") == ["client"]
    assert upward(("sim", "made_up"), "from ..protocol.json import read") == ["protocol.json"]
    assert upward(("limits",), "from . import errors") == ["errors"]
    assert upward(("testing", "made_up"), "from ..adapters import server") == ["adapters"]


@pytest.mark.parametrize("module", MODULES, ids=".".join)
def test_every_module_says_what_it_is(module: tuple[str, ...]) -> None:
    assert ast.get_docstring(ast.parse(MODULES[module]))


def loaded_by(program: str) -> set[str]:
    """The modules that are loaded after a program in a fresh interpreter, beyond those of an empty one."""
    report = "\nimport sys; print(*sys.modules)"
    run = [
        subprocess.run([sys.executable, "-c", text + report], capture_output=True, text=True, check=True).stdout
        for text in (program, "")
    ]
    return set(run[0].split()) - set(run[1].split())


def test_importing_minisqs_loads_little() -> None:
    loaded = loaded_by("import minisqs")
    assert {name for name in loaded if name.startswith("minisqs")} == {"minisqs"}
    # What ``typing`` and ``importlib`` stand on, and no more: attrs, json and the rest come when they are used.
    assert loaded.isdisjoint({"attr", "attrs", "dataclasses", "datetime", "decimal", "json", "sortedcontainers"})
    assert len(loaded) <= 40, sorted(loaded)


def test_plain_use_loads_none_of_the_extras() -> None:
    loaded = loaded_by(
        "import minisqs\n"
        "world = minisqs.World()\n"
        "orders = world.create_queue('orders')\n"
        "orders.send('hello')\n"
        "[message] = orders.receive()\n"
        "message.delete()\n"
        "minisqs.Consumer(orders, print).start()\n"
        "world.advance(30)\n"
    )
    assert loaded.isdisjoint({"boto3", "botocore", "hypothesis", "asyncio", "jsonschema", "pytest", "random"})
    assert not any(name.startswith("minisqs.poller") for name in loaded)


def test_a_plain_handler_behind_lambda_loads_no_event_loop() -> None:
    loaded = loaded_by(
        "import minisqs\n"
        "world = minisqs.World()\n"
        "orders = world.create_queue('orders')\n"
        "function = world.create_function(lambda event, context: None)\n"
        "world.create_event_source_mapping(orders, function)\n"
        "orders.send('hello')\n"
        "world.run_until_idle()\n"
        "assert function.invocations\n"
    )
    assert loaded.isdisjoint({"boto3", "botocore", "hypothesis", "asyncio", "jsonschema", "pytest", "random"})
