"""Container networks by netlink and iptables: bridge, host, none."""
