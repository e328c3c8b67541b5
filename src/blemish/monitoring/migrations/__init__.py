"""Alembic's migrations of the prediction log; run by :mod:`blemish.monitoring.database`."""
