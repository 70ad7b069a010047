"""Makes ``tests/`` importable, so that tests can say ``from corpus import corpus``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
