"""Searched cases: how to repeat one that failed, and how it becomes a fixed test.

Cases that Hypothesis makes up
    A test that fails prints the example (of a state machine: the steps) and a line
    ``@reproduce_failure(...)`` that repeats it on any machine. The example also stays in
    ``.hypothesis/``, where the next run tries it first. ``ATH_TEST_EXAMPLES=20`` searches twenty
    times as long as usual, ``--hypothesis-seed=N`` (an option of pytest) always in the same order.

Cases made from random numbers (the fixture ``chance``)
    A test that fails prints ``ATH_TEST_SEED=N``; with this variable set, the same numbers come
    again. When a process is killed also depends on the machine, so repeat such a test many times.

What a search finds stays as a fixed test, in the same commit as the fix: above ``@given`` as
``@example(...)``, which is tried at every run; for a state machine as a test function that makes
the printed steps (test_a_users_token_is_stored_after_the_agent_registered_anew is one); in other
tests as one more parametrised case. A line
``@reproduce_failure`` is never committed: it stops working with the next version of Hypothesis.
"""

from __future__ import annotations

import os
import random
import secrets

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("ATH_TEST_EXAMPLES", "1"))

settings.register_profile(
    "tests",
    deadline=None,  # the machines are shared: a slow example is no failure
    derandomize=False,
    max_examples=100 * FACTOR,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tests")


def examples(number: int) -> settings:
    """Search that many examples instead of 100."""
    return settings(max_examples=number * FACTOR)


def make_chance() -> random.Random:
    """Random numbers that can be had again; pytest shows the line printed here if a test fails."""
    seed = int(os.environ.get("ATH_TEST_SEED") or secrets.randbits(32))
    print(f"to repeat this test with the same random numbers: ATH_TEST_SEED={seed}")
    return random.Random(seed)
