"""Engine, sessions, queries, and the embedded server."""
