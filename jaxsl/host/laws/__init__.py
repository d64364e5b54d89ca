"""Laws as users name them: ``lookup`` finds them, ``check`` says what may go wrong with one."""
