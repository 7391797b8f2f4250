"""An OCI runtime's caller asks: what a bundle runs, what that is made of, and what it may reach."""
