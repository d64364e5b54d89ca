"""From grids over learning rate, batch and suchlike to their best values and the law of those."""
