"""Docker: an authorization plugin that dockerd asks before it does what its API was asked to do."""
