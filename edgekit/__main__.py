"""`python -m edgekit`."""

from .cli import main

main()
