"""Settings for every test."""

from hypothesis import HealthCheck, settings

# The first torch call of a process can take seconds, and other work may have the cores: time is no
# property of ours, not even that of drawing examples.
settings.register_profile(
    "anyres", deadline=None, print_blob=True, suppress_health_check=(HealthCheck.too_slow,)
)
settings.load_profile("anyres")
