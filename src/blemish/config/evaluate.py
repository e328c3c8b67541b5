"""The ``evaluate`` block of ``params.yaml``."""

from blemish.config.base import Block


class Evaluate(Block):
    """PLACEHOLDER: what the owner of this block puts here."""
