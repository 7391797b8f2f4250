"""`python -m trustkit` runs the command line."""

from trustkit.cli.main import main

if __name__ == "__main__":
    main()
