"""One signature format a file; formats do not know each other."""
