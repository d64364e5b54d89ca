"""``jaxsl allocate``: which small models to train for a budget."""

from typing import TYPE_CHECKING, Annotated

import typer

from jaxsl.host.cli.ess import DeltaOption, LinkOption, SidesOption, SigmaOption, SizeOption
from jaxsl.host.cli.options import JsonOption
from jaxsl.host.errors import UserError

if TYPE_CHECKING:
    from jaxsl.allocation import Region


def allocate(
    budget: Annotated[float, typer.Option("--budget", help="For the new runs, in the unit of the cost.")],
    cost: Annotated[
        str, typer.Option("--cost", metavar="COST", help="Of a run of size x, such as 0.3*exp(x).")
    ],
    target: Annotated[
        str, typer.Option("--target", metavar="LOW,HIGH", help="Sizes to predict: a region, or one size.")
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights", metavar="W,W,...", help="The sizes of --target are points, which weigh so much."
        ),
    ] = None,
    existing: Annotated[
        str, typer.Option("--existing", metavar="X,X,...", help="Sizes of runs already there.")
    ] = "",
    runs: Annotated[
        str | None,
        typer.Option("--runs", metavar="FILE", help="Runs already there, with --x, and --y for the noise."),
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option("--candidates", metavar="FILE", help="Choose among these runs, each at most once."),
    ] = None,
    x: SizeOption = "x",
    y: Annotated[str | None, typer.Option("--y", metavar="Y", help="Column of the runs' outcomes.")] = None,
    criterion: Annotated[
        str,
        typer.Option(
            "--criterion", help="risk: the paper's Eq. 5; t: for few runs whose noise is estimated."
        ),
    ] = "risk",
    scales: Annotated[
        int, typer.Option("--scales", help="At least so many sizes; 3 make curvature visible.")
    ] = 2,
    low: Annotated[float, typer.Option("--low", help="The smallest size that can be run.")] = 0.0,
    high: Annotated[float | None, typer.Option("--high", help="The largest size that can be run.")] = None,
    max_runs: Annotated[int | None, typer.Option("--max-runs", help="At most so many new runs.")] = None,
    ddof: Annotated[
        int, typer.Option("--ddof", help="1 reproduces the paper's choice among the OPT models.")
    ] = 0,
    line: Annotated[
        str | None, typer.Option("--line", metavar="A,B", help="Y = A + B x, for the ESS to expect.")
    ] = None,
    sigma: SigmaOption = None,
    link: LinkOption = "identity",
    delta: DeltaOption = 0.05,
    sides: SidesOption = 1,
    curve: Annotated[int, typer.Option("--curve", min=0, help="Budgets on the curve of ESS; 0: none.")] = 12,
    json: JsonOption = False,
) -> None:
    """Say which small models to train for a budget, what to expect, and how far from optimal that is.

    jaxsl allocate --budget 9.47 --cost "0.3*exp(x)" --target 4,7
    """
    import numpy as np

    from jaxsl.host.allocation.plan import plan
    from jaxsl.host.ess.line_runs import finite_column
    from jaxsl.host.input.table import read
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.ess_and_plan import show_plan

    if y is not None and runs is None:
        raise UserError(f"--y {y} is a column of runs already there: name their file with --runs")
    wanted = numbers("--target", target, () if weights else (1, 2))
    ends = None if line is None else numbers("--line", line, (2,))
    sizes, outcomes = np.array(numbers("--existing", existing)) if existing else np.zeros(0), None
    if runs is not None:
        if existing:
            raise UserError("--existing and --runs both name the runs already there; give one of them")
        table = read(runs)
        sizes = finite_column(table, x, "--x")
        outcomes = None if y is None else finite_column(table, y, "--y")
    with busy("searching"):
        report = plan(
            budget,
            (wanted[0], wanted[-1]) if weights is None else weighted(wanted, weights),
            cost,
            existing=sizes,
            outcomes=outcomes,
            candidates=candidates,
            x=x,
            criterion=criterion,
            num_scales=scales,
            low=low,
            high=high,
            max_runs=max_runs,
            ddof=ddof,
            line=None if ends is None else (ends[0], ends[1]),
            sigma=sigma,
            link=link,
            delta=delta,
            sides=sides,
            curve=curve,
        )
    if json:
        print_json(report)
    else:
        show_plan(report)


def weighted(sizes: list[float], weights: str) -> "Region":
    """Points of a target region and how much each weighs.

    Raises:
        UserError: when there are not as many weights as sizes, or they are not positive.
    """
    import numpy as np

    from jaxsl.allocation import weighted_region

    shares = np.array(numbers("--weights", weights, (len(sizes),)))
    if not (np.isfinite(shares).all() and (shares > 0).all()):
        raise UserError(f"--weights {weights}: weights are positive; leave out sizes that do not matter")
    return weighted_region(np.array(sizes), shares)


def numbers(option: str, text: str, lengths: tuple[int, ...] = ()) -> list[float]:
    """``"4,7"`` as numbers.

    Raises:
        UserError: when a piece is no number, or there are not as many as wanted.
    """
    try:
        values = [float(piece) for piece in text.split(",")]
    except ValueError:
        values = []
    if not values or (lengths and len(values) not in lengths):
        wanted = " or ".join(str(length) for length in lengths) or "some"
        raise UserError(f"{option} {text}: write {wanted} numbers with commas between")
    return values
