"""The compiled programs behind answers, ``packing`` for what goes in, and the ``cache`` they are kept in."""
