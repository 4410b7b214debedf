"""What each forked process of pytest begins with: pytest, its plugins, the kit's and the program.

They are imported as pytest imports plugins, which is not as Python does.
"""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
    # Said twice, it names the plugins too, and so loads them.
    pytest.main(["-p", "replay.testing.plugin", "--version", "--version"])
