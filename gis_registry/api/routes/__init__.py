"""Routers: each turns requests into calls of services, and decides nothing."""

from gis_registry.api.routes import (
    cases,
    catalogue,
    components,
    detections,
    dispatch,
    health,
    maps,
    open311,
    pages,
    places,
    reports,
    rewards,
    survey_tasks,
    surveys,
    units,
    users,
)

ROUTERS = (
    components.router,
    reports.router,
    rewards.router,
    detections.router,
    cases.router,
    survey_tasks.router,
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
