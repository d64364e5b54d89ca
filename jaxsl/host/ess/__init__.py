"""What a prediction is worth in test items, ``of_line`` or ``of_law``, through a ``link`` to performance."""
