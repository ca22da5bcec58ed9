"""Surveys: read a file, check every row, match, apply, undo."""
