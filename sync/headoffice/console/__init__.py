"""The pages for the people at head office."""

from sync.headoffice.console.pages import add_console, error_page

__all__ = ["add_console", "error_page"]
