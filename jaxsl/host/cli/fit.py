"""``jaxsl fit``: a law, or several, on a table of runs."""

from typing import Any

from jaxsl.host.cli.options import (
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    OfOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    read_mapping,
    reads_runs,
)


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
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Fit a law, or several: parameters, residuals, predictions at a target, and how far to trust them.

    jaxsl fit runs.csv --law chinchilla --target N=7e10,D=1.4e12

    Several laws are weighed by the evidence of the runs, and predict together:

    jaxsl fit runs.csv --law chinchilla --law kaplan/nd --target N=7e10,D=1.4e12
    """
    from jaxsl.host.answer.fit import fit as fit_laws
    from jaxsl.host.show.answers import show_fit
    from jaxsl.host.show.console import busy, print_json

    mapping = read_mapping(map)
    with busy(f"fitting {', '.join(law)}"):
        report = fit_laws(
            runs, law, target=target, map=mapping, outcome=outcome, level=level, of=of, seed=seed, **how
        )
    if json:
        print_json(report)
    else:
        show_fit(report)
