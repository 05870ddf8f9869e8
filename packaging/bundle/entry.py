"""Where both frozen executables begin."""

import multiprocessing
import sys

from desktop_app.__main__ import main

if __name__ == "__main__":
    # Scripts in the bundled interpreter may start processes of their own.
    multiprocessing.freeze_support()
    sys.exit(main())
