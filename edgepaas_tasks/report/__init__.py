"""Answers as text: one clear line for what happened, what is live, and what to do next. A module a subject."""
