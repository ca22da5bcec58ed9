"""Kinds of citizen reports, which an app lets people choose from."""

from sqlalchemy.orm import Session

from gis_registry.reports import device_queries as queries
from gis_registry.reports.device_schemas import CitizenKindEntry, CitizenKinds


def list_kinds(session: Session) -> list[CitizenKinds]:
    """Return the kinds of citizen reports: each major kind with its minor ones, by code."""
    rows = queries.citizen_kinds(session)
    return [
        CitizenKinds(
            code=major.code,
            name_zh=major.name_zh,
            name_en=major.name_en,
            kinds=[
                CitizenKindEntry(
                    code=minor.code,
                    name_zh=minor.name_zh,
                    name_en=minor.name_en,
                    matter=minor.matter or "",
                )
                for minor in rows
                if minor.parent_code == major.code
            ],
        )
        for major in rows
        if major.parent_code is None
    ]
