"""The app's variables: their schema, sources, canonical file, and how secrets are kept out of sight."""
