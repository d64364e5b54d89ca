"""Several laws at once: choosing and predicting with all laws of a task, measured by the paper's protocol."""
