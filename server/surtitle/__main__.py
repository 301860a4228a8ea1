"""`python -m surtitle` is the `surtitle` command."""

from surtitle.cli.main import main

if __name__ == "__main__":
    main()
