"""The ``export`` block of ``params.yaml``."""

from blemish.config.base import Block


class Export(Block):
    """PLACEHOLDER: what the owner of this block puts here."""
