"""Where settings come from: command line, environment, devices file, project, board, default, in that order."""
