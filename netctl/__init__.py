"""The network: the only privileged code. It knows stations and devices, never people."""
