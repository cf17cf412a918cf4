"""node: one machine, for those who run the cluster: is it busy, full, losing packets, and are its processes waiting?"""

from __future__ import annotations

from dashboards.panels import Chosen, Dashboard, Panel, Prom, Row, Thresholds

SHARE: Thresholds = ((0.8, "warn"), (0.95, "bad"))
WAITING: Thresholds = ((0.1, "warn"), (0.4, "bad"))
# What is no disk of its own: in memory, or another mount of the same.
DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|nsfs"'

NODE = Dashboard(
    "node", "Node", "What is wrong on this node?", "cluster",
    (Chosen("cluster", "node_uname_info"), Chosen("instance", "node_uname_info")),
    scope='cluster=~"$cluster", instance=~"$instance"',
    rows=(
        Row("At a glance", (
            Panel("CPU used", "How much of the CPUs is in use?",
                  (Prom("instance:node_cpu_utilisation:rate5m{@}", "{{instance}}"),),
                  "percentunit", "stat", SHARE, 4),
            Panel("Memory used", "How much of the memory is not available any more?",
                  (Prom("instance:node_memory_utilisation:ratio{@}", "{{instance}}"),),
                  "percentunit", "stat", SHARE, 4),
            Panel("Load per CPU", "Do more processes want to run than there are CPUs?",
                  (Prom("instance:node_load1_per_cpu:ratio{@}", "{{instance}}"),),
                  "none", "stat", ((1, "warn"), (2, "bad")), 4),
            Panel("Fullest file system", "How full is the fullest disk?",
                  (Prom("max by (instance) (1 - node_filesystem_avail_bytes{@, " + DISKS + "}"
                        " / node_filesystem_size_bytes{@, " + DISKS + "})", "{{instance}}"),),
                  "percentunit", "stat", ((0.85, "warn"), (0.95, "bad")), 4),
            Panel("Up since", "When did the node start?",
                  (Prom("node_time_seconds{@} - node_boot_time_seconds{@}", "{{instance}}"),),
                  "s", "stat", ((None, "warn"), (600, "good")), 4),
            Panel("Collectors that failed", "Is there something that the exporter could not read?",
                  (Prom("sum by (instance) (1 - node_scrape_collector_success{@})", "{{instance}}"),),
                  "none", "stat", ((1, "bad"),), 4),
        )),
        Row("CPU", (
            Panel("CPU by mode", "What do the CPUs spend their time on?",
                  (Prom('avg by (instance, mode) (rate(node_cpu_seconds_total{@, mode!="idle"}[$__rate_interval]))',
                        "{{instance}} {{mode}}"),), "percentunit", stacked=True, most=1),
            Panel("Load", "How many processes run or wait to?",
                  (Prom("node_load1{@}", "{{instance}} 1 min"), Prom("node_load5{@}", "{{instance}} 5 min"),
                   Prom("node_load15{@}", "{{instance}} 15 min")), "none"),
            Panel("Waiting (pressure)", "For what share of the time did some process wait for CPU, memory or a disk?",
                  (Prom("rate(node_pressure_cpu_waiting_seconds_total{@}[$__rate_interval])", "{{instance}} CPU"),
                   Prom("rate(node_pressure_memory_waiting_seconds_total{@}[$__rate_interval])", "{{instance}} memory"),
                   Prom("rate(node_pressure_io_waiting_seconds_total{@}[$__rate_interval])", "{{instance}} disks")),
                  "percentunit", thresholds=WAITING),
            Panel("Processes", "How many run, and how many hang in the kernel?",
                  (Prom("node_procs_running{@}", "{{instance}} running"),
                   Prom("node_procs_blocked{@}", "{{instance}} blocked")), "none"),
        )),
        Row("Memory", (
            Panel("Memory", "Where is the memory?",
                  (Prom("node_memory_MemTotal_bytes{@} - node_memory_MemAvailable_bytes{@}", "{{instance}} used"),
                   Prom("node_memory_Cached_bytes{@}", "{{instance}} cached"),
                   Prom("node_memory_Buffers_bytes{@}", "{{instance}} buffers"),
                   Prom("node_memory_MemTotal_bytes{@}", "{{instance}} total")), "bytes"),
            Panel("Major page faults", "Is memory read back from disk?",
                  (Prom("instance:node_vmstat_pgmajfault:rate5m{@}", "{{instance}}"),), "ops"),
        )),
        Row("Disks", (
            Panel("File systems", "How full is each?",
                  (Prom("max by (instance, mountpoint) (1 - node_filesystem_avail_bytes{@, " + DISKS + "}"
                        " / node_filesystem_size_bytes{@, " + DISKS + "})", "{{instance}} {{mountpoint}}"),),
                  "percentunit", "bargauge", ((0.85, "warn"), (0.95, "bad")), most=1),
            Panel("Inodes", "Can each still take files?",
                  (Prom("max by (instance, mountpoint) (1 - node_filesystem_files_free{@, " + DISKS + "}"
                        " / (node_filesystem_files{@, " + DISKS + "} > 0))", "{{instance}} {{mountpoint}}"),),
                  "percentunit", "bargauge", ((0.85, "warn"), (0.95, "bad")), most=1),
            Panel("Disks busy", "For what share of the time was each disk at work?",
                  (Prom("instance_device:node_disk_io_time_seconds:rate5m{@}", "{{instance}} {{device}}"),),
                  "percentunit", thresholds=SHARE),
            Panel("Disk throughput", "What is read and written?",
                  (Prom("rate(node_disk_read_bytes_total{@}[$__rate_interval])", "{{instance}} {{device}} read"),
                   Prom("rate(node_disk_written_bytes_total{@}[$__rate_interval])", "{{instance}} {{device}} written")),
                  "Bps"),
        )),
        Row("Network", (
            Panel("Traffic", "What does the node receive and send?",
                  (Prom("instance:node_network_receive_bytes_excluding_lo:rate5m{@}", "{{instance}} received"),
                   Prom("instance:node_network_transmit_bytes_excluding_lo:rate5m{@}", "{{instance}} sent")), "Bps"),
            Panel("Dropped", "Does it lose packets?",
                  (Prom("instance:node_network_receive_drop_excluding_lo:rate5m{@}", "{{instance}} received"),
                   Prom("instance:node_network_transmit_drop_excluding_lo:rate5m{@}", "{{instance}} sent")), "pps"),
            Panel("Sent again", "How many TCP segments had to be sent twice?",
                  (Prom("rate(node_netstat_Tcp_RetransSegs{@}[$__rate_interval])", "{{instance}}"),), "pps"),
            Panel("Connections that are tracked", "Is the table of connections full?",
                  (Prom("node_nf_conntrack_entries{@} / node_nf_conntrack_entries_limit{@}", "{{instance}}"),),
                  "percentunit", thresholds=SHARE, most=1),
        )),
        Row("Kernel", (
            Panel("Clock", "How far is the clock from the time it is told?",
                  (Prom("node_timex_offset_seconds{@}", "{{instance}}"),), "s"),
            Panel("Open files", "How many of the files that the kernel allows are open?",
                  (Prom("node_filefd_allocated{@} / node_filefd_maximum{@}", "{{instance}}"),),
                  "percentunit", thresholds=SHARE, most=1),
        )),
    ),
)  # fmt: skip
