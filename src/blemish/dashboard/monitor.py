"""The page ``/monitor``."""
