"""What every test shares."""

import os

from hypothesis import settings

# Each of MLflow's servers would start nine processes for jobs that no test gives it.
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")

# A busy machine may take long over any single example; that says nothing about the code.
settings.register_profile("blemish", deadline=None)
settings.load_profile("blemish")
