"""What a candidate run would teach about the target.

An acquisition is ``(posterior, pool, target) -> score (pool,)``, finite and never negative; it sees no
outcome and no budget. What the score costs, and what may be bought, belongs to ``jaxsl.choice``.
"""

from jaxsl.acquisition.baselines import DOptimal, Uniform, VOptimal
from jaxsl.acquisition.leading import leading
from jaxsl.acquisition.mspe import MSPE

__all__ = ["MSPE", "DOptimal", "Uniform", "VOptimal", "leading"]
