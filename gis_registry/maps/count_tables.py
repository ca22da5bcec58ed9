"""Tables of how many components each map cell holds, and of the versions of blocks of cells.

Map cells are those of Web Mercator tiles: level L has 2^L × 2^L, counted from the north-west. The
database's triggers on ``components`` append what each statement changes (migration 0018); what was
appended is folded. What is so now is the sum of both, as the views that end in ``_now`` show it.

Like ``reference_state`` these tables are of the whole registry: cells cross divisions, and all
counts of a city together are smaller than its components by far.
"""

from sqlalchemy import BigInteger, Identity, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base

#: Levels that counts are kept of. A tile shows the cells four levels below its zoom, 16 by 16.
FIRST_LEVEL, LAST_LEVEL = 4, 17
LEVELS_BELOW_TILE = 4
#: The last zoom whose tiles are counts; below, components are drawn or counted themselves.
LAST_COUNTED_ZOOM = LAST_LEVEL - LEVELS_BELOW_TILE
#: The level whose cells are blocks: what has a version.
BLOCK_LEVEL = 12
#: What stands for the unit of components that are nobody's.
NO_UNIT = 0


class CountedColumns:
    """How many components of a class, state and unit a map cell holds.

    The unit is the recorded maintainer, or else the owner, as for whom a case is sent to.
    """

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    x: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    y: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    class_id: Mapped[int]
    state: Mapped[str]
    unit_id: Mapped[int]
    count: Mapped[int] = mapped_column(sort_order=1)


class ComponentCount(CountedColumns, Base):
    """What was folded."""

    __tablename__ = "component_counts"

    class_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class ComponentCountChange(CountedColumns, Base):
    """What a statement added or took away; appended, then folded.

    So transactions that change components at the same time do not wait for each other.
    """

    __tablename__ = "component_count_changes"

    id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), primary_key=True, sort_order=2
    )


class ComponentBlock(Base):
    """How many changes of a block were folded; never fewer than before."""

    __tablename__ = "component_blocks"

    x: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    y: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)


class ComponentBlockChange(Base):
    """That a statement changed components in a block, or ones that reach into it."""

    __tablename__ = "component_block_changes"

    x: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    y: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
