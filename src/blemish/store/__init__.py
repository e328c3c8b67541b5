"""The MLflow store: where it is, the connection to it, its artifacts, the names in it."""
