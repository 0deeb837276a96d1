"""`python -m fair_app COMMAND …`."""

from fair_app.cli.main import main

raise SystemExit(main())
