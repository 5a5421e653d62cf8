"""``python -m BrainMetsAILib.cli``: the same as ``brainmets``."""

import sys

from BrainMetsAILib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
