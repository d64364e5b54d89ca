"""Which small models to train for a budget: the plan, its worth, and how far from optimal it is."""
