"""What the record is called inside MLflow: experiment, model, tags, aliases."""

EXPERIMENT = "blemish"
MODEL = "blemish"
EXPERIMENT_TAG = "blemish.experiment"
"""Experiment tag by which the experiment is found again when a person renamed it."""

FINGERPRINT = "blemish.fingerprint"
"""Run tag: SHA-256 over the inputs of training; a run is opened by it."""
RECORD = "blemish.record"
"""Run tag: SHA-256 over the final outputs; a run is closed with it."""

CHAMPION = "champion"
CANDIDATES = {"fp32": "candidate", "int8": "candidate-int8"}
"""Alias of the newest version of each precision."""

DIGEST = "digest."
"""Prefix of version tags that hold the digest of one output of the pipeline."""
GATE = "gate."
"""Prefix of version tags that hold a decision of the gate and its figures."""
MOVE = "blemish.move."
"""Prefix of the registered model's tags that hold one move of an alias each."""
SEEN = "blemish.seen."
"""Prefix of the registered model's tags that hold where an alias was last seen, and when."""

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
