"""Rendered maps."""
