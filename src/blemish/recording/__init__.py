"""The record: runs of the pipeline in MLflow, opened by content and closed with it."""
