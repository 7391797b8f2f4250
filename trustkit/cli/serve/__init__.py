"""What `trustkit serve` can serve, one module each."""
