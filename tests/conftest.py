"""Settings for every test."""

from hypothesis import settings

# The first torch call of a process can take seconds: time is no property of ours.
settings.register_profile("anyres", deadline=None, print_blob=True)
settings.load_profile("anyres")
