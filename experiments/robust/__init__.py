"""Wrong laws and bad runs: how the default belief does where the law does not hold, and where it does."""
