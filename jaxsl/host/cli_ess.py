"""``jaxsl ess`` and ``jaxsl allocate``: what a prediction is worth, and which small models to train."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsl.host.cli_options import JsonOption, MapOption, read_mapping
from jaxsl.host.errors import UserError

if TYPE_CHECKING:
    from jaxsl.allocation import Region

SizeOption = Annotated[
    str, typer.Option("--x", metavar="SIZE", help="Column or expression of the size, such as log(6*N*D).")
]
LinkOption = Annotated[
    str,
    typer.Option(
        "--link",
        metavar="LINK",
        help="From Y to performance: identity, a known logistic:W,B or floored:W,B,H, or one to fit to "
        "--link-runs: logistic, floored, kernel, neighbours.",
    ),
]
SigmaOption = Annotated[
    float | None,
    typer.Option("--sigma", help="Known noise of Y (then z); estimated from the runs (then t) by default."),
]
DeltaOption = Annotated[float, typer.Option("--delta", help="One minus the confidence of the intervals.")]
WidthOption = Annotated[
    float | None,
    typer.Option("--width", help="Width of the range of an item's score, if that is no share in [0, 1]."),
]
ItemSdOption = Annotated[
    float | None,
    typer.Option("--item-sd", help="Spread of the score between items, for a loss: the Gaussian size."),
]
SidesOption = Annotated[
    int, typer.Option("--sides", help="Hoeffding's constant: 1 as in the paper, 2 for a valid interval.")
]


def ess(
    runs: Annotated[
        str,
        typer.Argument(metavar="RUNS", help="CSV or Parquet file of small models, or - for standard input."),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--target", metavar="WHAT", help="The target's columns, N=66,D=0.18, or its size itself."
        ),
    ],
    x: Annotated[
        str | None,
        typer.Option(
            "--x", metavar="SIZE", help="Column or expression of the size, such as log(6*N*D); x by default."
        ),
    ] = None,
    y: Annotated[
        str | None,
        typer.Option(
            "--y",
            metavar="Y",
            help="Column of the critical quantity; without a link, the performance; y by default.",
        ),
    ] = None,
    law: Annotated[
        str | None,
        typer.Option("--law", metavar="NAME", help="Predict with this law instead of a line in the size."),
    ] = None,
    map: MapOption = None,
    link: LinkOption = "identity",
    link_runs: Annotated[
        str | None,
        typer.Option(
            "--link-runs", metavar="FILE", help="Models of other families that the link is fitted to."
        ),
    ] = None,
    performance: Annotated[
        str | None, typer.Option("--performance", metavar="COLUMN", help="Their performance, in [0, 1].")
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            "--family", metavar="COLUMN", help="Their family: checks the link, one family left out."
        ),
    ] = None,
    sigma: SigmaOption = None,
    noise: Annotated[
        str, typer.Option("--noise", help="gaussian, or a bootstrap of the runs: residual, wild, pairs.")
    ] = "gaussian",
    cost: Annotated[
        str | None,
        typer.Option("--cost", metavar="COST", help="Cost of a run: expression in x or in the columns."),
    ] = None,
    items: Annotated[
        int | None,
        typer.Option(
            "--items", help="Test items of a direct test: predict, test, or train more small models?"
        ),
    ] = None,
    item_cost: Annotated[float, typer.Option("--item-cost", help="Cost of testing one item.")] = 0.0,
    trained: Annotated[
        bool, typer.Option("--trained", help="The target exists: testing it costs its items alone.")
    ] = False,
    by: Annotated[
        str, typer.Option("--by", help="The size that decides: exact, hoeffding, beta or gaussian.")
    ] = "exact",
    width: WidthOption = None,
    item_sd: ItemSdOption = None,
    inside: Annotated[bool, typer.Option("--inside", help="Allow a target inside the runs.")] = False,
    delta: DeltaOption = 0.05,
    sides: SidesOption = 1,
    draws: Annotated[int, typer.Option("--draws", help="Draws of every bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstraps.")] = 0,
    json: JsonOption = False,
) -> None:
    """Predict a large model from small ones, and say how many test items the prediction is worth.

    jaxsl ess runs.csv --x "log(6*N*D)" --y score --target N=66,D=0.18 --link logistic:0.65,-2.88
    """
    from jaxsl.host.assess import assess
    from jaxsl.host.assess_law import assess_law
    from jaxsl.host.laws import find
    from jaxsl.host.show import busy, print_json
    from jaxsl.host.show_ess import show_ess, show_law_ess

    shared: dict[str, Any] = {
        "link": link,
        "link_runs": link_runs,
        "performance": performance,
        "family": family,
        "delta": delta,
        "sides": sides,
        "width": width,
        "item_sd": item_sd,
        "draws": draws,
        "seed": seed,
    }
    if law is not None:
        _refuse_beside_a_law(x, sigma, noise, cost, items, trained, inside)
        with busy(f"fitting {law}"):
            predicted = assess_law(
                runs, find(law), target=target, mapping=read_mapping(map), outcome=y, **shared
            )
        print_json(predicted) if json else show_law_ess(predicted)
        return
    if map:
        raise UserError(f"--map {map[0]}: only the inputs of a --law are mapped; a line has --x and --y")
    with busy("predicting"):
        report = assess(
            runs,
            target=target,
            x=x or "x",
            y=y or "y",
            sigma=sigma,
            noise=noise,
            cost=cost,
            items=items,
            item_cost=item_cost,
            trained=trained,
            by=by,
            inside=inside,
            **shared,
        )
    if json:
        print_json(report)
    else:
        show_ess(report)


def _refuse_beside_a_law(x, sigma, noise, cost, items, trained, inside) -> None:
    """Options of the line have no use beside a law."""
    given = {"--x": x, "--sigma": sigma, "--noise": noise != "gaussian", "--cost": cost, "--items": items}
    given |= {"--trained": trained, "--inside": inside}
    for option, value in given.items():
        if value:
            raise UserError(f"{option} is for the line in the size and has no use with --law; leave it out")


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

    from jaxsl.host.line_runs import finite_column
    from jaxsl.host.plan import plan
    from jaxsl.host.show import busy, print_json
    from jaxsl.host.show_ess import show_plan
    from jaxsl.host.table import read

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
