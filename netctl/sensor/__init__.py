"""The sensor: from frames in the air to devices, visits and foot traffic. A daemon of its own."""
