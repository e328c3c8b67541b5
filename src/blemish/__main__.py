"""``python -m blemish`` is the ``blemish`` program."""

from blemish.cli import main

if __name__ == "__main__":
    main()
