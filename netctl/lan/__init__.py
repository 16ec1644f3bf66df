"""The guests' LAN: access point, addresses, names, and what phones ask to find out if they are online."""
