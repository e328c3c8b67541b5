"""A small checkout in which the pipeline ran once, shared by the drills of the pipeline."""

from pipeline.conftest import reproduced

__all__ = ["reproduced"]
