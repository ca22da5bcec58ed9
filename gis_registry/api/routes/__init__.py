"""Routers: each turns requests into calls of services, and decides nothing."""

from gis_registry.api.routes import (
    cases,
    catalogue,
    components,
    detections,
    dispatch,
    health,
    maps,
    merging,
    open311,
    pages,
    places,
    reports,
    surveys,
    units,
    users,
)

ROUTERS = (
    components.router,
    reports.router,
    merging.router,
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
