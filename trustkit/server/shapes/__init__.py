"""Docker's JSON to and from our values, one file a resource."""
