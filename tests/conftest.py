"""Settings for every test."""

from hypothesis import HealthCheck, settings

# The first torch call of a process can take seconds: time is no property of ours.
# No test asserts a time, so neither may the drawing of examples: other work may have the cores.
settings.register_profile(
    "anyres", deadline=None, print_blob=True, suppress_health_check=(HealthCheck.too_slow,)
)
settings.load_profile("anyres")
