"""``python -m minisqs`` is the command line."""

from __future__ import annotations

from .adapters.command_line import main

if __name__ == "__main__":
    raise SystemExit(main())
