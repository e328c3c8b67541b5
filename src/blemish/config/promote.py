"""The ``promote`` block of ``params.yaml``."""

from blemish.config.base import Block


class Promote(Block):
    """PLACEHOLDER: what the owner of this block puts here."""
