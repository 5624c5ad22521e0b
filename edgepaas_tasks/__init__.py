"""Invoke tasks that take a Dockerised Python web app to cloud hosts with zero lost requests."""
