"""Before anything here is imported: bytecode is kept, also where the environment wants none.

Hundreds of processes import the same files, and each would compile them again.
"""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
