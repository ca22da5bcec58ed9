"""Routers: each turns requests into calls of services, and decides nothing."""

from gis_registry.api.routes import (
    cases,
    catalogue,
    components,
    detections,
    devices,
    dispatch,
    health,
    maps,
    open311,
    pages,
    photos,
    places,
    reports,
    surveys,
    units,
    users,
)

ROUTERS = (
    components.router,
    devices.router,
    reports.router,
    photos.router,
    detections.router,
    cases.router,
    surveys.router,
    dispatch.router,
    units.router,
    places.router,
    catalogue.router,
    users.router,
    health.router,
    open311.router,
    maps.router,
    pages.router,
)
