"""One computer: processes, network namespaces, probes."""
