"""``jaxsl fit``: a law, or several, on a table of runs."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.interval_options import (
    BootstrapOption,
    DeriveOption,
    DrawOption,
    ProfileOption,
    TOption,
    read_derived,
)
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    ForceOption,
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    OfOption,
    OutcomeOption,
    RunsArgument,
    SaveOption,
    SeedOption,
    TargetOption,
    read_mapping,
    reads_runs,
)
from jaxsl.host.errors import UserError


@with_fit_options
@reads_runs
def fit(
    runs: RunsArgument,
    law: LawsOption,
    target: TargetOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    level: LevelOption = 90.0,
    of: OfOption = "outcome",
    seed: SeedOption = 0,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="COLUMN", help="One fit a group side by side, and whether they share parameters."
        ),
    ] = None,
    t: TOption = False,
    bootstrap: BootstrapOption = 0,
    draw: DrawOption = "residuals",
    profile: ProfileOption = None,
    derive: DeriveOption = None,
    save: SaveOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Fit a law, or several: parameters, residuals, predictions at a target, and how far to trust them.

    jaxsl fit runs.csv --law chinchilla --target N=7e10,D=1.4e12

    Several laws are weighed by the evidence of the runs, and predict together:

    jaxsl fit runs.csv --law chinchilla --law kaplan/nd --target N=7e10,D=1.4e12

    `--t`, `--bootstrap 1000` and `--profile alpha` redo a paper's table of parameters, beside the belief's.

    `--save fit.json` keeps it for `jaxsl predict fit.json`, which fits nothing.
    """
    from jaxsl.host.writing import check_output

    mapping = read_mapping(map)
    if save is not None:
        check_output(save, [*runs, *law, *(target or [])], force)
    tables = looked_at(
        runs, law, how | {"map": mapping, "outcome": outcome, "level": level, "of": of}, target=target
    )

    from jaxsl.host.answer.fit import fit as fit_laws
    from jaxsl.host.show.answers import show_fit
    from jaxsl.host.show.console import busy, print_json

    if by is not None:
        from jaxsl.host.answer.by import fit_by
        from jaxsl.host.show.by import show_by

        if t or bootstrap or profile or derive or save is not None:
            raise UserError("--by fits groups side by side alone: leave out --save and options of intervals")
        with busy(f"fitting {', '.join(law)} by {by}"):
            groups = fit_by(
                tables,
                law,
                by,
                target=target,
                map=mapping,
                outcome=outcome,
                level=level,
                of=of,
                seed=seed,
                **how,
            )
        print_json(groups) if json else show_by(groups)
        return
    with busy(f"fitting {', '.join(law)}"):
        report = fit_laws(
            tables,
            law,
            target=target,
            map=mapping,
            outcome=outcome,
            level=level,
            of=of,
            seed=seed,
            t=t,
            bootstrap=bootstrap,
            draw=draw,
            profile=profile or (),
            derive=read_derived(derive),
            **how,
        )
    if save is not None:
        report.save(save, force)
    if json:
        print_json(report)
    else:
        show_fit(report)
