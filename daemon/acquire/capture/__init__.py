"""Live capture of an interface, in a process of its own: scapy opens and filters, the result is pcapng."""
