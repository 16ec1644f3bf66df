"""What people do to a captive portal, done with real tools and raw packets: it must fail."""
