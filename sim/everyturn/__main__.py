"""``python -m everyturn``."""

from everyturn.cli import main

if __name__ == "__main__":  # another process of ours may import this module again
    main(prog_name="everyturn")
