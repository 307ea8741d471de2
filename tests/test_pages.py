"""What the pages state, held against the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import minisqs
from minisqs.engine.lifecycle import TRANSITIONS
from minisqs.sim.faults import FAULTS, Fault

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table, f"{page} has no table below {heading!r}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_diagram_of_a_message_s_life_is_the_table_of_the_engine():
    diagram = (DOCS / "design.md").read_text(encoding="utf-8").partition("```mermaid")[2].partition("```")[0]
    drawn = set(re.findall(r"^    ([A-Z_]+) --> ([A-Z_]+): (.+)$", diagram, re.MULTILINE))
    steps = {(s.name, to.name, event.value) for s, row in TRANSITIONS.items() for event, to in row.items()}
    assert drawn == steps


def test_the_table_of_faults_says_what_the_code_says():
    stated = {
        code(name)[0]: (*told, tuple(code(asked))) for name, *told, asked in rows("howto/faults.md", "The faults")
    }
    assert stated == {
        name: (fault.what, fault.where, fault.permitted_by, _how(fault), fault.questions)
        for name, fault in FAULTS.items()
    }


def _how(fault: Fault) -> str:
    """What the column says of where a fault acts, and whether it has to be asked for."""
    return ", ".join(words for words, holds in (("in code", fault.in_code), ("opt-in", fault.opt_in)) if holds)


def test_the_reference_lists_the_public_names():
    names = [code(name)[0] for name, _ in rows("reference.md", "The public names")]
    assert names == sorted(minisqs.__all__)


def test_every_public_name_describes_itself():
    assert [name for name in minisqs.__all__ if not getattr(minisqs, name).__doc__] == []


def test_the_reference_explains_every_dependency():
    named = {name for packages, *_ in rows("reference.md", "Dependencies, and why") for name in packages.split(", ")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = project["dependencies"] + [one for extra in ("examples", "test", "bench") for one in extras[extra]]
    assert named == {re.split(r"[\[><=]", one)[0] for one in required} - {"minisqs"}
