"""Lets the tests here import the zoo, which lives beside the tests of exploring."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "explore"))
