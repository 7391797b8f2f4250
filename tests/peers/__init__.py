"""Real programs that trustkit is tested against, each started for a test and gone after it.

Nothing here imports trustkit: the fixtures must not agree with a mistake of ours.
"""
