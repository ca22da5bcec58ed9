"""What is published: collections of features, each a table or view with a key, in our own words.

A collection is data: which rows, in which order, with which properties. Whatever reads features
(pages, single ones, tiles, exports) builds its statement from it; nothing that a user writes is
ever part of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import literal_column
from sqlalchemy.types import ARRAY, Boolean, Date, DateTime, Double, Integer, Text, TypeEngine

from gis_registry.components.tables import ComponentState
from gis_registry.maps.queryables import PropertyType, Queryable
from gis_registry.roles import Role
from gis_registry.users.service import Actor

_SQL_TYPES: Mapping[PropertyType, type[TypeEngine[Any]] | TypeEngine[Any]] = {
    PropertyType.STRING: Text,
    PropertyType.INTEGER: Integer,
    PropertyType.NUMBER: Double,
    PropertyType.BOOLEAN: Boolean,
    PropertyType.DATE: Date,
    PropertyType.DATETIME: DateTime,
    PropertyType.ARRAY: ARRAY(Text),
}


#: The day that it is in the city, as :func:`gis_registry.places.service.today` tells it.
TODAY = "(SELECT (now() AT TIME ZONE time_zone)::date FROM city)"
#: Which areas ``a`` of divisions there are today.
IS_AREA_TODAY = f"a.valid_from <= {TODAY} AND (a.valid_to IS NULL OR a.valid_to > {TODAY})"

#: What a filter calls the geometry of a feature.
GEOMETRY = "geometry"


def in_both(zh: str, en: str) -> str:
    """Return a title in both languages; the same one twice is said once."""
    return zh if zh == en else f"{zh} {en}"


@dataclass(frozen=True)
class Property:
    """A property of the features of a collection.

    Attributes:
        name: what it is called.
        type: of which type its values are.
        sql: where it comes from.
        title_zh: what it is, in Chinese.
        title_en: what it is, in English.
        choices: all values that there can be, if they are few.
    """

    name: str
    type: PropertyType
    sql: str
    title_zh: str
    title_en: str
    choices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is, in both languages."""
        return in_both(self.title_zh, self.title_en)

    @property
    def queryable(self) -> Queryable:
        """It as a part of a filter."""
        return Queryable(self.name, self.type, literal_column(self.sql, _SQL_TYPES[self.type]))


@dataclass(frozen=True)
class KeyColumn:
    """A column of a key: pages come in the order of the key.

    Attributes:
        sql: where it comes from.
        type: what PostgreSQL calls its type.
    """

    sql: str
    type: str


class Group(StrEnum):
    """What kinds of collections there are."""

    COMPONENTS = "components"
    CLASSES = "classes"
    PLACES = "places"
    CASES = "cases"
    LAYERS = "layers"


@dataclass(frozen=True)
class About:
    """What a catalogue tells of a collection besides what it is; None: not known.

    Attributes:
        keywords: words to find it by, in whichever language.
        licence: under which its features may be used, by its name or address.
        department: the department whose features these are.
        field: the field of work that it belongs to.
        updated_at: when its features were last loaded; None: they are kept up all the time.
        refresh: how often they are loaded again.
        source: where they come from.
        lineage: how they were made.
        box: where they are: least longitude and latitude, greatest longitude and latitude, in
            EPSG:4490; None: anywhere in the city.
        interval: from when until when they are; None: that end is open.
    """

    keywords: tuple[str, ...] = ()
    licence: str | None = None
    department: str | None = None
    field: str | None = None
    updated_at: datetime | None = None
    refresh: str | None = None
    source: str | None = None
    lineage: str | None = None
    box: tuple[float, float, float, float] | None = None
    interval: tuple[datetime | None, datetime | None] = (None, None)


@dataclass(frozen=True, eq=False)
class Collection:
    """Features of one kind.

    Attributes:
        name: what it is called in addresses.
        title_zh: what it is, in Chinese.
        title_en: what it is, in English.
        description: the same in a sentence or two.
        source: what a statement reads from: a table and its alias, or joins.
        key: by what features are told apart and ordered.
        by_id: the condition for the feature whose id is ``%(id)s``.
        version: what changes whenever the feature changes, as text.
        properties: what a feature says.
        geometry: its geometry, in EPSG:4490.
        geometry_type: of which type that is in every feature, such as ``MultiPolygon``; None: it
            may be of several.
        id: the feature's id, as SQL; None: the last column of the key.
        temporal: the property that `datetime` asks for: an instant, or the two that begin and end
            an interval.
        total: what counts all its features at once, as SQL with `values`; None: nothing does.
        lookups: joins of what properties say besides, which leave each row of the source one row.
        where: which rows of the source belong to it.
        values: what `where` refers to.
        roles: who may read it; None: everybody who may read.
        is_editable: whether features can be added, changed and removed through it.
        gone: a statement that tells in a sentence what became of `%(id)s`, if that was a feature
            and is none any more; None: nothing does.
        group: which kind of collection it is.
        about: what a catalogue tells of it.
    """

    name: str
    title_zh: str
    title_en: str
    description: str
    source: str
    key: tuple[KeyColumn, ...]
    by_id: str
    version: str
    properties: tuple[Property, ...]
    geometry: str
    geometry_type: str | None = None
    id: str | None = None
    temporal: tuple[str, ...] = ()
    total: str | None = None
    lookups: str = ""
    where: str = "true"
    values: Mapping[str, Any] = field(default_factory=dict)
    roles: frozenset[Role] | None = None
    is_editable: bool = False
    gone: str | None = None
    group: Group = Group.LAYERS
    about: About | None = None

    @property
    def title(self) -> str:
        """What it is, in both languages."""
        return in_both(self.title_zh, self.title_en)

    @property
    def alias(self) -> str | None:
        """What a row of the source is called; None: it is joined from several relations."""
        return None if " JOIN " in self.source else self.source.rpartition(" ")[2]

    @property
    def rows(self) -> str:
        """What a statement reads everything from."""
        return f"{self.source} {self.lookups}".rstrip()

    @property
    def id_sql(self) -> str:
        """What a feature's id comes from."""
        return self.id or self.key[-1].sql

    def is_for(self, actor: Actor) -> bool:
        """Return whether somebody who may read may read it."""
        return self.roles is None or actor.role in self.roles

    @property
    def field(self) -> str | None:
        """The field of work that it belongs to."""
        return self.about.field if self.about else None

    @property
    def queryables(self) -> dict[str, Queryable]:
        """What a filter may name: its properties and its geometry."""
        found = {one.name: one.queryable for one in self.properties}
        shape = Queryable(GEOMETRY, PropertyType.GEOMETRY, literal_column(self.geometry))
        return {**found, GEOMETRY: shape}


def number_id(column: str) -> str:
    """Return the condition for the feature whose id is a number of a ``bigint``.

    A text that is none, or that writes one otherwise than PostgreSQL does, is nobody's id.
    """
    return (
        f"{column} = CASE WHEN %(id)s !~ '^(0|-?[1-9][0-9]{{0,18}})$' THEN NULL"
        " WHEN %(id)s::numeric BETWEEN -9223372036854775808 AND 9223372036854775807"
        " THEN %(id)s::bigint END"
    )


_LEVELS = ("city", "district", "subdistrict", "community")
_STRING, _INTEGER, _NUMBER = PropertyType.STRING, PropertyType.INTEGER, PropertyType.NUMBER

COMPONENT_PROPERTIES = (
    Property("code", _STRING, "c.code", "标识码", "identifier"),
    Property("class_code", _STRING, "k.code", "部件小类代码", "class code"),
    Property("class_name_zh", _STRING, "k.name_zh", "部件小类", "class, in Chinese"),
    Property("class_name_en", _STRING, "k.name_en", "部件小类英文名", "class, in English"),
    Property(
        "state",
        _STRING,
        "c.state",
        "状态",
        "state",
        choices=(ComponentState.ACTIVE,),
    ),
    Property("division_code", _STRING, "c.division_code", "区划代码", "district code"),
    Property("subdistrict_code", _STRING, "c.subdistrict_code", "街道代码", "subdistrict code"),
    Property("cell_code", _STRING, "c.cell_code", "单元网格代码", "grid cell code"),
    *(
        Property(f"{role}_code", _STRING, f"{role}.code", title_zh, f"{role}'s code")
        for role, title_zh in (
            ("supervisor", "主管部门代码"),
            ("owner", "权属单位代码"),
            ("maintainer", "养护单位代码"),
        )
    ),
    Property("surveyed_on", PropertyType.DATE, "c.surveyed_on", "普查日期", "day of the survey"),
    Property("accuracy_m", _NUMBER, "c.accuracy_m", "定位精度（米）", "position accuracy, metres"),
    Property("is_synthetic", PropertyType.BOOLEAN, "c.is_synthetic", "模拟数据", "made up"),
    Property("version", _INTEGER, "c.version", "版本", "version"),
)

#: What tells of the class and the units of a component ``c``.
COMPONENT_UNITS = (
    "JOIN component_classes k ON k.id = c.class_id"
    " LEFT JOIN units supervisor ON supervisor.id = c.supervisor_id"
    " LEFT JOIN units owner ON owner.id = c.owner_id"
    " LEFT JOIN units maintainer ON maintainer.id = c.maintainer_id"
)
_COMPONENT_KEY = (KeyColumn("c.division_code", "text"), KeyColumn("c.code", "text"))
_BY_CODE = "c.division_code = left(%(id)s, 6) AND c.code = %(id)s"
_STANDS = "c.state = 'active'"
_TOTAL = (
    "(SELECT coalesce(sum(count), 0)::bigint FROM component_counts_now"
    " WHERE level = 4 AND state = 'active'{})"
)
#: Of what was withdrawn nothing is told: a survey since reverted had registered what never was.
_RETIRED = (
    "SELECT format('%%1$s is retired, and no longer one of those that stand. It is read at"  # noqa: S608
    " /ogc/collections/components-history/items/%%1$s-%%2$s and /api/components/%%1$s; PATCH the"
    " latter with `state` active and a reason, or gis-registry component edit %%1$s --state active,"
    " to restore it.', c.code, c.version)"
    f" FROM components c WHERE c.state = 'retired' AND {_BY_CODE}"
)


def components() -> Collection:
    """Return the components of all classes that stand; the history has the others too."""
    return Collection(
        name="components",
        title_zh="城市部件",
        title_en="Components",
        description="现存的全部部件，含标识码、小类与单位；已拆除的见部件历史。"
        " Every component that stands, with its identifier, class and units; those that are "
        "retired are in the history of components.",
        source="components c",
        lookups=COMPONENT_UNITS,
        key=_COMPONENT_KEY,
        by_id=_BY_CODE,
        version="c.version::text",
        properties=COMPONENT_PROPERTIES,
        geometry="c.geom",
        temporal=("surveyed_on",),
        total=_TOTAL.format(""),
        where=_STANDS,
        is_editable=True,
        gone=_RETIRED,
        group=Group.COMPONENTS,
    )


def components_of_class(
    class_id: int, code: str, name_zh: str, name_en: str, major: str | None = None
) -> Collection:
    """Return the components of one class that stand, of the major class of that name."""
    return replace(
        components(),
        name=f"components-{code}",
        title_zh=name_zh,
        title_en=name_en,
        description=f"小类{code}（{name_zh}）现存的全部部件；已拆除的见部件历史。"
        f" Every component of the class {code} ({name_en}) that stands; those that are retired are "
        "in the history of components.",
        total=_TOTAL.format(" AND class_id = %(class_id)s"),
        where=f"{_STANDS} AND c.class_id = %(class_id)s",
        gone=f"{_RETIRED} AND c.class_id = %(class_id)s",
        values={"class_id": class_id},
        group=Group.CLASSES,
        about=About(keywords=(code, "部件", "component"), field=major),
    )


def divisions() -> Collection:
    """Return the divisions as they are today."""
    return Collection(
        name="divisions",
        title_zh="行政区划",
        title_en="Divisions",
        description="市、区（市）、街道（镇）与社区及其范围。"
        " City, districts, subdistricts and communities, and the ground they cover.",
        source=f"divisions d JOIN division_areas a ON a.division_code = d.code AND {IS_AREA_TODAY}",
        key=(KeyColumn("d.code", "text"),),
        by_id="d.code = %(id)s",
        version="a.id::text",
        properties=(
            Property("code", _STRING, "d.code", "区划代码", "code"),
            Property("level", _STRING, "d.level", "级别", "level", choices=_LEVELS),
            Property("parent_code", _STRING, "d.parent_code", "上级代码", "code of its parent"),
            Property("name_zh", _STRING, "d.name_zh", "名称", "name, in Chinese"),
            Property("name_en", _STRING, "d.name_en", "英文名称", "name, in English"),
            Property("valid_from", PropertyType.DATE, "a.valid_from", "生效日期", "valid from"),
            Property("source", _STRING, "a.source", "来源", "source"),
        ),
        geometry="a.geom",
        geometry_type="MultiPolygon",
        temporal=("valid_from",),
        group=Group.PLACES,
    )


def grid_cells() -> Collection:
    """Return the cells of the unit grid."""
    return Collection(
        name="grid-cells",
        title_zh="单元网格",
        title_en="Grid cells",
        description="单元网格，最小的管理范围。"
        " The cells of the unit grid, the smallest areas of management.",
        source="grid_cells g",
        key=(KeyColumn("g.code", "text"),),
        by_id="g.code = %(id)s",
        version="g.code",
        properties=(
            Property("code", _STRING, "g.code", "网格代码", "code"),
            Property("subdistrict_code", _STRING, "g.subdistrict_code", "街道代码", "subdistrict"),
        ),
        geometry="g.geom",
        total="(SELECT count(*) FROM grid_cells)",
        group=Group.PLACES,
        geometry_type="Polygon",
    )
