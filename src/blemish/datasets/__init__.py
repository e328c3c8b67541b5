"""Sets of images with masks: on disk, imported, checked, split and packed."""
