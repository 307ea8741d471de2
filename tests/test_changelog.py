from __future__ import annotations

import re
from pathlib import Path

FRAGMENTS = Path(__file__).parents[1] / "changelog.d"


def test_every_fragment_is_named_after_its_topic_and_kind():
    names = [path.name for path in FRAGMENTS.iterdir() if path.name != "README.md"]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", name)] == []
