"""Which laws fit a table of runs, extrapolate toward the target, and are identified.

>>> from laws.kaplan import DATA, SIZE_DATA
>>> runs = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8]}
>>> runs["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14]
>>> [law.law for law in rank(runs, [DATA, SIZE_DATA], target="N=1e9,D=2e10").laws]
['kaplan/nd', 'kaplan/d']
"""

from collections.abc import Mapping
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.chaining import ForwardChain
from jaxsl.host.answer.believed import as_learned, laid_out
from jaxsl.host.answer.fit import answered, fit_report, law_reports
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import RankedLaw, RankReport
from jaxsl.host.answer.which_laws import ALL, Laws, ensemble
from jaxsl.host.compiled import compiled_fit
from jaxsl.host.programs.packing import key_of
from jaxsl.identify import identify
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target
from jaxsl.precision import double_precision


def rank(
    source: Any,
    law: Laws = ALL,
    *,
    target: Any = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    seed: int = 0,
    **how: Unpack[How],
) -> RankReport:
    """Fit several laws to a table of runs, and say which extrapolate and which are identified: best first.

    Args:
        source, law, target, map, outcome, seed, how: as in ``jaxsl.host.fit``. Without a target the nearest
            runs are the central ones.

    Raises:
        UserError: for anything that cannot be used as it stands; when no law can be fitted.
    """
    reading, options = split(how)
    chosen = ensemble(source, law, mapping=map, outcome=outcome, target=target, options=options, **reading)
    answer = answered(chosen, seed=seed)
    found, report = answer.found, fit_report(answer)
    with double_precision():
        key, runs, aim = key_of(seed), found.observations, found.target
        told = []
        for law, lesson in zip(found.laws, found.lessons, strict=True):
            one, basins = as_learned(law, found.laws), lesson.learned.basins
            told.append(_told(one, runs, aim, key, laid_out(one, basins.theta[0]), basins.noise))
    rows = [
        RankedLaw(**vars(law), forward_rmse=float(np.sqrt(square)), num_identified=int(num))
        for law, (square, num) in zip(law_reports(answer), told, strict=True)
    ]
    return RankReport(
        num_runs=report.num_runs,
        laws=tuple(sorted(rows, key=lambda row: row.forward_rmse)),
        left_out=report.left_out,
        trust=report.trust,
        notes=report.notes,
    )


@compiled_fit
def _told(
    law: AnyLaw,
    observations: Observations,
    target: Target,
    key: jax.Array,
    theta: jax.Array,
    noise: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Mean square of the errors of forward chaining, and how many parameters the runs determine at ``theta``.

    Those are the parameters less those at a bound and less directions that the runs leave open.
    """
    found = identify(law, observations, theta, noise)
    square = ForwardChain()(law, observations, target, key).mean_square
    return square, jnp.sum(jnp.isfinite(found.eigenvalue) & ~found.flat)
