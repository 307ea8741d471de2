"""Lets the tests here import the model and the drivers that lie beside them, as the long run does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
