"""Organisations, what they are responsible for, and whom they can send."""
