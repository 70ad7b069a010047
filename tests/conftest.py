"""Makes ``tests/`` importable, so that tests can say ``from corpus import corpus``, and sets up hypothesis."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A machine that is busy is slow; that is no failure of what is tested.
settings.register_profile("rackprint", deadline=None, print_blob=True)
settings.load_profile("rackprint")
