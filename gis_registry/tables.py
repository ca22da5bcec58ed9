"""Every table of the registry in one place, for the migrations and the tests."""

from sqlalchemy import MetaData

import gis_registry.cases.indicator_tables
import gis_registry.cases.tables
import gis_registry.catalogue.tables
import gis_registry.components.tables
import gis_registry.dispatch.tables
import gis_registry.drones.tables
import gis_registry.layers.tables
import gis_registry.maps.count_tables
import gis_registry.maps.signing
import gis_registry.notifications.tables
import gis_registry.photos.tables
import gis_registry.places.tables
import gis_registry.reports.device_tables
import gis_registry.reports.reward_tables
import gis_registry.reports.survey_task_tables
import gis_registry.reports.tables
import gis_registry.surveys.tables
import gis_registry.units.tables
import gis_registry.users.tables  # noqa: F401  each import adds its tables to the metadata
from gis_registry.db.base import Base

METADATA: MetaData = Base.metadata
