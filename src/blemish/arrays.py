"""The arrays that everything hands around, by name."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.uint8]
"""One grey plane, shape ``(H, W)``, uint8: what the model sees."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""Which pixels are meant, shape ``(H, W)``, bool."""
Map: TypeAlias = npt.NDArray[np.float32]
"""A probability map, shape ``(H, W)``, float32, in ``[0, 1]``."""
