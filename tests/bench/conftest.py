"""The programs in bench/ are no package; they are imported from their folder."""

import sys

from project import PROJECT

sys.path.insert(0, str(PROJECT / "bench"))
