"""`python -m obs_core COMMAND`."""

import sys

from obs_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
