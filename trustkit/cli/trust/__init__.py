"""The actions of `trustkit trust`, a module each: `add_arguments(parser)` and `run(arguments) -> int`."""
