"""The child's own modules, under a name that no script uses (see the docstring of the folder two levels up)."""

import os

__path__ = [os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]
