"""Settings of Hypothesis, for every test: the same examples on every run, more of them at night."""

import os

from hypothesis import HealthCheck, settings

# A test that fails only now and then is no help to whoever changed something else; nightly runs look further.
settings.register_profile("default", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=2_000, print_blob=True, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))
