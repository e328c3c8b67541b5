"""The ``monitor`` block of ``params.yaml``."""

from blemish.config.base import Block


class Monitor(Block):
    """PLACEHOLDER: what the owner of this block puts here."""
