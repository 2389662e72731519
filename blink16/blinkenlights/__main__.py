"""`python -m blink16.blinkenlights`."""

import sys

from blink16.blinkenlights.main import main

if __name__ == "__main__":
    sys.exit(main())
