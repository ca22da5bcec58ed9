"""The FastAPI application: routers only."""
