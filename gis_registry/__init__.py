"""A city's component one-map: registry, reports, responsibility and dispatch on PostGIS."""

__version__ = "0.1.0"
