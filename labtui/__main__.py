"""`python -m labtui` is `labtui`."""

import sys

from labtui.cli.app import main

sys.exit(main())
