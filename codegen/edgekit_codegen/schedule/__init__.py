"""Which operators run over which regions, in which order."""
