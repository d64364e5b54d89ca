"""``jaxsl fit``: a law on a table of runs."""

from jaxsl.host.cli_options import (
    JsonOption,
    LawOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    read_mapping,
)


def fit(
    runs: RunsArgument,
    law: LawOption,
    target: TargetOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Fit a law: parameters of every basin, residuals, and predictions at a target.

    jaxsl fit runs.csv --law chinchilla --target N=7e10,D=1.4e12
    """
    from jaxsl.host.laws import find
    from jaxsl.host.session import fit_table
    from jaxsl.host.show import busy, print_json, show_fit
    from jaxsl.host.table import read

    found, mapping, table = find(law), read_mapping(map), read(runs)
    with busy(f"fitting {found.name}"):
        report = fit_table(table, found, mapping=mapping, outcome=outcome, target=target, seed=seed)
    if json:
        print_json(report)
    else:
        show_fit(report, found.formula, table.unit)
