"""What comes along with a signature, checked: certificates of short life, log entries, timestamps."""
