"""The ``serve`` block of ``params.yaml``."""

from blemish.config.base import Block


class Serve(Block):
    """PLACEHOLDER: what the owner of this block puts here."""
