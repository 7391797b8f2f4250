"""What the nodes of a fleet share: evidence that one of them fetched, and revocations that hold for all."""
