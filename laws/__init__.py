"""The law zoo: one module per benchmark task and per published family, all listed in ``LAWS``."""

from laws import chinchilla, data_con, domain, farseer, lr_bsz, moe, parallel, sparsity, vocab

LAWS = (
    *chinchilla.LAWS,
    *data_con.LAWS,
    *domain.LAWS,
    *farseer.LAWS,
    *lr_bsz.LAWS,
    *moe.LAWS,
    *parallel.LAWS,
    *sparsity.LAWS,
    *vocab.LAWS,
)
