"""``python -m gdnet`` and the command ``gdnet``."""

from gdnet.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
