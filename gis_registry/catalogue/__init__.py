"""Editions of the standard, component classes, their counterparts, and matter types."""
