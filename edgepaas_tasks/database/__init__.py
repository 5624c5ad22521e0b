"""The app's database, asked and changed from inside a container of the app."""
