"""edgekit's compiler: a graph and a target go in, C comes out. No files, ports or processes; NumPy alone."""
