from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from minisqs.errors import CheckFailed

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(python|pycon|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def written(page: Path, folder: Path) -> Iterator[tuple[str, str, Path, int]]:
    """Each block: its language, its source, and the file and line it stands at, since a check reads the code it follows.

    A block that begins with a comment like ``# shop.py`` has a file of that name to itself. All others of a page
    share one, at the lines that they have on the page.
    """
    text = page.read_text(encoding="utf-8")
    blocks = [(*block.groups(), text.count("\n", 0, block.start()) + 1) for block in BLOCK.finditer(text)]
    # A page that is called after a package must not be imported in its place.
    shared = folder / f"{page.stem if find_spec(page.stem) is None else f'page_{page.stem}'}.py"
    lines = [""] * text.count("\n")
    for language, source, line in blocks:
        if language == "python" and (name := NAMED.match(source)):
            (folder / name[1]).write_text(source, encoding="utf-8")
            sys.modules.pop(name[1].removesuffix(".py"), None)  # that of another page, if it was imported
            yield language, source, folder / name[1], 0
        else:
            if language == "python":
                lines[line : line + source.count("\n")] = source.splitlines()
                shared.write_text("\n".join(lines) + "\n", encoding="utf-8")
            yield language, source, shared, line


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_block_of_a_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    """And where a check fails, the text below is its report."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    namespace: dict[str, object] = {"__name__": "page"}
    report = None
    imports: dict[int, str] = {}  # Python compiles what uses an imported name otherwise, where it sees the import
    for language, source, file, line in written(page, tmp_path):
        if report is not None:
            assert (language, source) == ("text", report)
            report = None
        elif language == "python":
            try:
                above = "".join(f"{imports.get(number, '')}\n" for number in range(line))
                exec(compile(above + source, file, "exec"), namespace)
            except CheckFailed as failed:
                report = str(failed)
            if line:
                lines = enumerate(source.splitlines(), line)
                imports |= {number: text for number, text in lines if text.startswith(("import ", "from "))}
        elif language == "pycon":
            test = doctest.DocTestParser().get_doctest(source, namespace, page_name(page), str(page), line)
            doctest.DebugRunner().run(test, clear_globs=False)
            namespace |= test.globs
    assert report is None


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_of_a_page_leads_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page_name(page)} links to {target}"


def test_the_index_lists_every_page():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert {page for page in PAGES[1:] if page != index} <= linked
