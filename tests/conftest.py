"""What every test shares."""

from hypothesis import settings

# A busy machine may take long over any single example; that says nothing about the code.
settings.register_profile("blemish", deadline=None)
settings.load_profile("blemish")
