"""``python -m everyturn``."""

from everyturn.cli import main

main(prog_name="everyturn")
