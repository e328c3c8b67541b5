"""What the record is called inside MLflow: experiment, model, tags, aliases.

Tags of runs, of the experiment and of the registered model begin with ``blemish.``, since other
programs write tags there too. Tags of versions are public names and have no prefix.
"""

EXPERIMENT = "blemish"
MODEL = "blemish"
EXPERIMENT_TAG = "blemish.experiment"
"""Experiment tag by which the experiment is found again when a person renamed it."""

RUN_FINGERPRINT = "blemish.fingerprint"
"""Run tag: SHA-256 over the inputs of training; a run is opened by it."""
RUN_RECORD = "blemish.record"
"""Run tag: SHA-256 over the final outputs; a run is closed with it."""

CHAMPION = "champion"
CANDIDATES = {"fp32": "candidate", "int8": "candidate-int8"}
"""Alias of the newest version of each precision."""

PRECISION = "precision"
SHA256 = "sha256"
VERSION_FINGERPRINT = "fingerprint"
VERSION_RECORD = "record"
COMMIT = "git_commit"
DIRTY = "git_dirty"
THRESHOLD = "threshold"
PEAK = "peak"
SIZE = "size_bytes"
LATENCY = "latency_ms"
TEST_DICE = "test_dice"
TEST_IOU = "test_iou"
"""Version tags: what the file is, where it comes from, and its numbers."""

DIGEST = "digest."
"""Prefix of tags of runs and versions that hold the digest of one output of the pipeline."""
GATE = "gate."
"""Prefix of version tags that hold a decision of the gate and its metrics."""
GATE_VERDICT = "gate.verdict"
"""Version tag: ``passed``, ``refused``, ``promoted`` or ``forced``; the last one of a decision."""
MOVE = "blemish.move."
"""Prefix of the registered model's tags that hold one move of an alias each."""
SEEN = "blemish.seen."
"""Prefix of the registered model's tags that hold where an alias was last seen, and when."""

DERIVED_FROM = "derived_from"
"""Version tag: number and record of the version whose graph has another operating point here."""
POINT_CHOSEN_ON = "point_chosen_on"
"""Version tag: the images on which a person chose that point, ``validation`` or ``test``."""
TEST_DIGEST = "test_digest"
"""Version tag: SHA-256 over the packed test split."""

EVALUATED = "evaluated"
"""Folder of a run's artifacts: per-image results, threshold, test images and masks."""
WEIGHTS = "weights"
"""Folder of a run's artifacts: the final weights, from which a later training may start."""
WEIGHTS_DIGEST = "weights_sha256"
"""Version tag: SHA-256 of those weights."""
IMAGES = "data/images.csv"
"""Artifact of a run: digests of the images that it was trained, validated and tested on."""
REPORTS = "reports"
"""Folder of a run's artifacts: metrics, parity, curves, gallery."""
