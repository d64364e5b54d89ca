"""The solvers that are compared, each as ``(problem, starts) -> Solution``, and one timed fit of one case."""

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import threadpoolctl
from jax import Array

from experiments.speed.cases import Case
from jaxsl.fit import Solver
from jaxsl.pool import observe
from jaxsl.residual import Problem, problem
from jaxsl.solver.lbfgsb import LBFGSB
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.solver.quasi_newton import QuasiNewton
from jaxsl.solver.scipy import ScipyLBFGSB, ScipyLeastSquares
from jaxsl.solver.solution import CONVERGED, OUT_OF_STEPS, Solution


class Optimistix(eqx.Module):
    """optimistix's Levenberg-Marquardt under ``vmap``, on a sigmoid bijection since it knows no bounds."""

    max_steps: int = 500
    tolerance: float = 1e-9

    def __call__(self, problem: Problem, starts: Array) -> Solution:
        """Minimise from every row of ``starts (start, param)``."""
        box = problem.box
        span = box.upper - box.lower
        method: Any = optimistix.LevenbergMarquardt(rtol=self.tolerance, atol=self.tolerance)

        def inside(u):
            return box.theta(box.lower + span * jax.nn.sigmoid(u))

        def one(start):
            share = jnp.clip((box.scaled(start) - box.lower) / span, 1e-3, 1 - 1e-3)
            answer: Any = optimistix.least_squares(
                lambda u, _: problem.residual(inside(u)).ravel(),
                method,
                jnp.log(share) - jnp.log1p(-share),
                max_steps=self.max_steps,
                throw=False,
            )
            status = jnp.where(answer.result == optimistix.RESULTS.successful, CONVERGED, OUT_OF_STEPS)
            return inside(answer.value), status, answer.stats["num_steps"]

        theta, status, steps = jax.vmap(one)(starts)
        return Solution(theta, jax.vmap(problem.objective)(theta), status, steps)


class Contestant(NamedTuple):
    """A solver, how many starts it takes a call, the CPU seconds after which no further call is made, and
    whether it runs under ``jit``."""

    solver: Solver
    block: int
    cap: float
    compiled: bool = True


CONTESTANTS = {
    "scipy": Contestant(ScipyLBFGSB(), 1, float("inf"), False),
    "jaxsl": Contestant(LevenbergMarquardt(), 1024, float("inf")),
    "least_squares": Contestant(ScipyLeastSquares(), 4, 10, False),
    "optimistix": Contestant(Optimistix(), 16, 10),
    "quasi_newton": Contestant(QuasiNewton(), 16, 10),
    "jaxopt": Contestant(LBFGSB(), 16, 10),
}
REPEATS = 3  # timed runs of a compiled solver that takes under a second; the fastest counts


def one_core() -> None:
    """Keep this process on one core and one thread, so that CPU seconds compare; before JAX starts.

    OpenBLAS's idle threads spin: on a busy machine they make SciPy's L-BFGS-B seem 20 times slower.
    """
    threadpoolctl.threadpool_limits(1)
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def timed(case: Case, name: str, num_starts: int, seed: int) -> dict[str, Any]:
    """Fit one case by one solver: CPU seconds of compiling and of fitting, loss and status of every start.

    A solver that passed its cap has fewer than ``num_starts`` losses; ``seconds`` is then scaled up to them.
    """
    contestant = CONTESTANTS[name]
    starts = case.starts(num_starts, seed)
    runs = problem(case.law, observe(jnp.asarray(case.x), jnp.asarray(case.y)))
    blocks = [starts[i : i + contestant.block] for i in range(0, num_starts, contestant.block)]
    begin = time.process_time()
    solve = _prepared(contestant, runs, blocks[0])
    compiling = time.process_time() - begin
    seconds, solutions = 0.0, []
    for block in blocks:
        spent, solution = _clocked(solve, block)
        if contestant.compiled and spent < 1:
            spent = min(spent, *(_clocked(solve, block)[0] for _ in range(REPEATS - 1)))
        seconds += spent
        solutions.append(solution)
        if seconds > contestant.cap:
            break
    loss, status, steps = (
        np.concatenate([np.asarray(getattr(solution, part)) for solution in solutions])
        for part in ("loss", "status", "steps")
    )
    return {
        "case": case.key,
        "solver": name,
        "num_starts": num_starts,
        "seed": seed,
        "rows": len(case.y),
        "params": case.law.num_params,
        "outputs": case.law.num_outputs,
        "variance": float(np.mean(np.var(case.y, axis=0))),
        "seconds": seconds * num_starts / len(loss),
        "compile": compiling,
        "loss": loss.tolist(),
        "status": np.bincount(status, minlength=4).tolist(),
        "steps": int(steps.sum()),
        "load": os.getloadavg()[0],
    }


def _prepared(contestant: Contestant, runs: Problem, starts: Array) -> Callable[[Array], Solution]:
    """The solver on one problem, compiled where it can be; SciPy's callbacks are compiled by a trial call."""
    if contestant.compiled:
        solver = contestant.solver
        solve: Any = jax.jit(lambda runs, starts: solver(runs, starts)).lower(runs, starts).compile()
        return lambda starts: solve(runs, starts)
    eqx.tree_at(lambda solver: solver.max_steps, contestant.solver, 1)(runs, starts[:1])
    return lambda starts: contestant.solver(runs, starts)


def _clocked(solve: Callable[[Array], Solution], starts: Array) -> tuple[float, Solution]:
    begin = time.process_time()
    solution = jax.block_until_ready(solve(starts))
    return time.process_time() - begin, solution
