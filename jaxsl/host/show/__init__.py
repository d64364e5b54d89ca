"""What people read in a terminal: tables for the commands, a progress bar, and the ``console`` they share."""
