"""Which advisor decides in a study, by what its runs are for and what they tell."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxsl.host.answer.fit_options import FitOptions
from jaxsl.host.study.advisor import Advisor
from jaxsl.host.study.aimed import AimedAdvisor
from jaxsl.host.study.compared import ComparedAdvisor
from jaxsl.host.study.curves import CurvesAdvisor
from jaxsl.law import Law


def advisor_of(settings: Mapping[str, Any], laws: Sequence[Law], options: FitOptions) -> Advisor:
    """The advisor of a study.

    Args:
        settings: of its ledger.
        laws: what is believed in.
        options: how they are fitted.
    """
    if "by" in settings:
        return ComparedAdvisor(laws, settings)
    if "aim" in settings:
        return AimedAdvisor(laws, settings["aim"], settings["hold"], settings["range"])
    return (CurvesAdvisor if "curves" in settings else Advisor)(laws, options)
