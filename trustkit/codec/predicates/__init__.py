"""What attestations say, typed: one family of predicates a file, plain values that policy can read."""
