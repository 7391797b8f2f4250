"""Evidence to verified signatures, and images to evidence."""
