"""Trust distributed by a TUF repository of one's own: its keeper's side, its client's, and what a client holds."""
