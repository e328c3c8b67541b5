"""The ``train`` block of ``params.yaml``."""

from blemish.config.base import Block


class Train(Block):
    """PLACEHOLDER: what the owner of this block puts here."""
