"""A guestbook: small enough to read in five minutes, real enough to deploy."""
