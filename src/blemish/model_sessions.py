"""Sessions of onnxruntime: what export compares is what is served, down to the option."""

import onnxruntime as ort


def open_session(
    data: bytes,
    *,
    threads: int = 1,
    level: ort.GraphOptimizationLevel = ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
) -> ort.InferenceSession:
    """Load any ONNX file on the CPU the way it is served.

    Args:
        data: The ONNX file.
        threads: Of one inference; 0 lets onnxruntime decide.
        level: How far onnxruntime may rewrite the graph.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    options.log_severity_level = 4  # what it would print comes as an exception too
    # Threads that spin between two inferences take the processor from decoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
