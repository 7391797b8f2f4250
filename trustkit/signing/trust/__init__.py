"""What verification may trust, as plain values, and how files become them."""
