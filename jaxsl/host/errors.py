"""The one exception that a user sees."""


class UserError(Exception):
    """One message: what is wrong, where, what to do. The command line prints it and exits with status 2."""
