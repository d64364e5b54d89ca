"""The law zoo: one module per benchmark task and per published family, all listed in ``LAWS``."""

from laws import chinchilla, data_con, farseer

LAWS = (
    *chinchilla.LAWS,
    *data_con.LAWS,
    *farseer.LAWS,
)
