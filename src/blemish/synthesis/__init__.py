"""Synthetic images of metal: surfaces, defects, light and camera, drawn from a seed; no I/O."""
