"""A client of containerd: one module for each of its services we use."""
