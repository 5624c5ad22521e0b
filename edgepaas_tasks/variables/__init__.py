"""The app's variables: where values come from, and what a release is given."""
