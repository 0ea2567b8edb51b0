"""What models are scored on, beside what, and how the answers are added up."""
