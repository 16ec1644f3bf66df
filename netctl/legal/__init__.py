"""The legal connection log: who had which address when, and what left the store under which public port.

Off by default. Where a country's law asks for it (profiles.py), a daemon of its own writes it: sessions
with their account, leases, and each connection of the guests over the uplink with its translation. Never
a URL, a name that was looked up, or anything that was said. It lies apart from all other data, encrypted
to a public key whose private half is never on the box, each chunk bound to the one before it.

**Why not ulogd2.** Debian has it, and it reads the same events of the kernel. But what it drops when its
buffer overruns it says in its own log only, it writes plain text or a database, and a log that is
encrypted as it is written would need a second daemon behind it and a window in which MACs lie in clear.
Reading the events is one small parser; what it costs is measured (daemon.py).

This is no certified audit system (安全管理系统, GA standards) and has no interface to the police: where the
law asks for one, it is a product of its own. What this log holds is handed over with
`yingke-net legal-log export`.
"""
