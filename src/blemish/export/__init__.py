"""Export: from trained weights to two model files that answer as their source does.

``export`` is the whole workflow. Beside it lie the ONNX graph and its bytes (``graph``), equal
graphs that run faster (``rewriting``), the ranges of activations (``calibration``), the search for
the INT8 model (``quantization``), and the contract that both files must fulfil (``parity``, on the
images of ``cases``).
"""

from blemish.export.export_workflow import export

__all__ = ["export"]
