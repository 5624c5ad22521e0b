"""Cloud accounts: every call of AWS, and which instances its tags mean."""
