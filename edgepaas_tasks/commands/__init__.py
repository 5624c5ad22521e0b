"""What each task calls: settings and hosts opened, the work done, the answer as text. One module a namespace."""
