"""``jaxsl fit``: a law, or several, on a table of runs."""

from jaxsl.host.cli.options import (
    JsonOption,
    LawsOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    is_one_law,
    read_mapping,
)


def fit(
    runs: RunsArgument,
    law: LawsOption,
    target: TargetOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Fit a law: parameters of every basin, residuals, and predictions at a target.

    jaxsl fit runs.csv --law chinchilla --target N=7e10,D=1.4e12

    Several laws are weighed by how well they extrapolate toward the target, and predict together:

    jaxsl fit runs.csv --law chinchilla --law kaplan/nd --target N=7e10,D=1.4e12
    """
    if not is_one_law(law):
        _fit_laws(runs, law, target, map, outcome, seed, json)
        return
    from jaxsl.host.answer.one_law import fit_table
    from jaxsl.host.input.table import read
    from jaxsl.host.laws.lookup import find
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.one_law import show_fit

    found, mapping, table = find(law[0]), read_mapping(map), read(runs)
    with busy(f"fitting {found.name}"):
        report = fit_table(table, found, mapping=mapping, outcome=outcome, target=target, seed=seed)
    if json:
        print_json(report)
    else:
        show_fit(report, found.formula, table.unit)


def _fit_laws(runs, names, target, map, outcome, seed, json) -> None:
    from jaxsl.host.answer.several_laws import fit_laws
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.several_laws import show_fit_laws

    mapping = read_mapping(map)
    with busy(f"fitting {', '.join(names)}"):
        report = fit_laws(runs, names, mapping=mapping, outcome=outcome, target=target, seed=seed)
    if json:
        print_json(report)
    else:
        show_fit_laws(report)
