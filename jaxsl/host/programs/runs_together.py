"""Candidate runs as candidates of several outputs, in one program."""

from jaxsl.along import Along
from jaxsl.curves import told_together
from jaxsl.host.compiled import compiled
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Posterior


@compiled
def runs_together(
    posterior: Posterior, along: Along | None, pool: Pool, target: Target, observations: Observations
) -> tuple[Posterior, Pool, Target]:
    """``jaxsl.curves.told_together``."""
    return told_together(posterior, along, pool, target, observations)
