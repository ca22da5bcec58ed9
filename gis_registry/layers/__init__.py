"""Thematic layers: any spatial file or table that an analyst publishes beside the components."""
