"""`python -m edgekit.emulate`: see child.py."""

from __future__ import annotations

import sys

from .child import main

sys.exit(main())
