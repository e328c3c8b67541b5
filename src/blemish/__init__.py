"""Blemish finds scratches and other defects on metal surfaces, pixel by pixel."""

import os

__version__ = "0.1.0"

# The one statement that runs at import, since every program of ours passes here before it loads
# torch, whose OpenMP library (libgomp) reads this once, when it is loaded. Its default lets a
# thread that waits spin, and one busy neighbour then makes a training step many times as long.
# A person's own setting wins.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
