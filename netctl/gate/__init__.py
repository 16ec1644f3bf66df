"""The gate: who is admitted, for how long, and why. A daemon of its own."""
