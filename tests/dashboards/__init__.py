"""dashboards: what dashboards/ ships, checked by the programs that will read it."""
