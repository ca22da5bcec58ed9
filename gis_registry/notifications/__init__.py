"""Telling others what happens to cases: signed webhooks through a job queue, and live events."""
