"""What the kernel does for the gate: packet filter, connections, neighbours, links."""
