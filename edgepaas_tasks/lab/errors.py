"""What can keep a lab from coming up."""


class LabError(Exception):
    """One clear message, with what to do next."""
