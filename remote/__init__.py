"""How a host is read and changed.

Commands are values, built by pure functions and quoted in one place; a `Host` sends a whole batch of them in one round
trip. Nothing here knows settings, or how to print: values come in, results and errors go out. This package imports
neither `env` nor `edgepaas_tasks`.
"""
