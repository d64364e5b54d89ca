"""``jaxsl ess``: what a prediction is worth."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.options import JsonOption, MapOption, RunsArgument, read_mapping, reads_runs
from jaxsl.host.errors import UserError

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


@reads_runs
def ess(
    runs: RunsArgument,
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
        list[str] | None,
        typer.Option(
            "--law",
            metavar="NAME",
            help="Predict with this law, or several, as `jaxsl fit` does, in place of a line in the size.",
        ),
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
    delta: Annotated[
        float | None,
        typer.Option("--delta", help="One minus the confidence of a line's intervals; 0.05 by default."),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option("--level", help="The same in per cent; 90 by default with --law, as everywhere."),
    ] = None,
    of: Annotated[
        str,
        typer.Option("--of", help="With --law: intervals of the curve, or of an outcome: curve, outcome."),
    ] = "curve",
    sides: SidesOption = 1,
    draws: Annotated[int, typer.Option("--draws", help="Draws of every bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstraps.")] = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Predict a large model from small ones, and say how many test items the prediction is worth.

    jaxsl ess runs.csv --x "log(6*N*D)" --y score --target N=66,D=0.18 --link logistic:0.65,-2.88
    """
    from jaxsl.host.ess.of_law import assess_law
    from jaxsl.host.ess.of_line import assess
    from jaxsl.host.input.intervals import check_level
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.ess_and_plan import show_ess, show_law_ess

    shared: dict[str, Any] = {
        "link": link,
        "link_runs": link_runs,
        "performance": performance,
        "family": family,
        "sides": sides,
        "width": width,
        "item_sd": item_sd,
        "draws": draws,
        "seed": seed,
        **how,
    }
    if law:
        _refuse_beside_a_law(x, sigma, noise, cost, items, trained, inside, delta)
        level = 90.0 if level is None else level
        with busy(f"fitting {', '.join(law)}"):
            predicted = assess_law(
                runs, law, target=target, map=read_mapping(map), outcome=y, level=level, of=of, **shared
            )
        print_json(predicted) if json else show_law_ess(predicted)
        return
    if map:
        raise UserError(f"--map {map[0]}: only the inputs of a --law are mapped; a line has --x and --y")
    if of != "curve":
        raise UserError(f"--of {of}: a line predicts its curve; --of is for a --law")
    if level is not None:
        if delta is not None:
            raise UserError("--delta and --level say the same; give one of them")
        check_level(level)
        delta = 1 - level / 100
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
            delta=0.05 if delta is None else delta,
            **shared,
        )
    if json:
        print_json(report)
    else:
        show_ess(report)


def _refuse_beside_a_law(x, sigma, noise, cost, items, trained, inside, delta) -> None:
    """Options of the line have no use beside a law."""
    given = {"--x": x, "--sigma": sigma, "--noise": noise != "gaussian", "--cost": cost, "--items": items}
    given |= {"--trained": trained, "--inside": inside, "--delta": delta}
    for option, value in given.items():
        if value:
            raise UserError(f"{option} is for the line in the size and has no use with --law; leave it out")
