"""``jaxsl predict``: anywhere, by a fit that was kept or by published parameters, without fitting."""

from typing import Annotated

import typer

from jaxsl.host.cli.options import ForceOption, JsonOption, MapOption, read_mapping


def predict(
    fit: Annotated[
        str | None, typer.Argument(metavar="[FIT]", help="A file that `jaxsl fit --save` wrote.")
    ] = None,
    law: Annotated[
        list[str] | None,
        typer.Option(
            "--law",
            metavar="NAME@ESTIMATE",
            help="Published parameters in place of a fit, such as chinchilla@epoch; several stand side by "
            "side. `jaxsl laws NAME` lists them.",
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="WHERE",
            help="A table, or a point N=7e10,D=1.4e12, which may be given several times.",
        ),
    ] = None,
    map: MapOption = None,
    level: Annotated[
        float | None, typer.Option("--level", help="Of every interval, in per cent; by default the fit's.")
    ] = None,
    of: Annotated[
        str | None,
        typer.Option("--of", help="Intervals of an outcome or of the curve; by default as the fit."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write the points with what is predicted: CSV or Parquet."
        ),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Predict at points without fitting: by a fit that was kept, or by published parameters.

    jaxsl predict fit.json --at table.csv -o predicted.csv

    jaxsl predict --law chinchilla@epoch --at N=7e10,D=1.4e12
    """
    from jaxsl.host.answer.predict import predict as predict_at
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.predictions import show_predictions
    from jaxsl.host.writing import check_output

    inputs = [one for one in (fit, *(law or []), *(at or [])) if one]
    if output is not None:
        check_output(output, inputs, force)
    mapping = read_mapping(map) if map else None
    with busy("predicting"):
        report = predict_at(fit, law=law, at=at, map=mapping, level=level, of=of)
    if output is not None:
        report.save(output, inputs, force)
    if json:
        print_json(report)
    else:
        show_predictions(report, output)
