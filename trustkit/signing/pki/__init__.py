"""X.509: chains, purposes, revocation. What a certificate proves, at which moment."""
