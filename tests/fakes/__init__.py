"""The social platforms, played: written from their documentation, and as unreliable as a test asks."""
