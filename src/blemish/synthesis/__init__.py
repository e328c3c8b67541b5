"""Metal that never was: surfaces, defects, light and camera, drawn from a seed; no I/O."""
