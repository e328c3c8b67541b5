"""From sets on disk to packed splits: dealt out by group, brought to scale, described."""
