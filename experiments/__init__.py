"""One package or module per table and figure; nothing in jaxsl or laws imports from here."""
