"""The benchmark of *Spend Less, Fit Better*: methods, episodes on hidden outcomes, and their tables.

``methods`` are settings of one design; ``oracle`` alone holds outcomes; ``episode`` runs one method on one
law of one task; ``sweep`` runs many, resumably; ``tables`` puts the results beside the paper's.
"""
