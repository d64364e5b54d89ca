"""What a law is wrong by: a field beside the law, bad runs, and the evidence for both."""

from jaxsl.discrepancy.rule import DiscrepancyRule

__all__ = ["DiscrepancyRule"]
