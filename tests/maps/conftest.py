"""Fixtures of the tests of maps."""

import pytest
from sqlalchemy.orm import Session
from street import COVER, LAMP, TREE, register, report


@pytest.fixture
def street(session: Session) -> list[str]:
    """Register 40 lamps, covers and trees with two open cases; return the identifiers."""
    codes = register(session, [LAMP, LAMP, COVER, TREE] * 10)
    report(session, "01037", 5, "路灯不亮 the light is out")
    report(session, "06001", 20, "屋顶加建")
    return codes
