"""What laws are fitted for: the best sizes at a cost, the least cost of a loss, recipes compared."""
