"""`python -m adapter` is the command `troughline`."""

from adapter.cli import main

raise SystemExit(main())
