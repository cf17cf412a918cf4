"""e2e: a whole real node in, what the lake says about its pods out, by SQL.

    python -m tests.e2e [words for pytest]        (`make e2e`; root; the parts of tests/servers/node.sh)

__main__ gives the run a machine of its own: network, mount and process namespaces, in which pytest is process 1.
Inside, machine.py lays private folders over the paths that a node uses, cluster.py starts etcd, the API server and the
controllers, node.py containerd and the kubelet; installed.py installs tailrace by its chart; workloads.py says which
pods log what, writer/ is what they run, story.py what happens to them. When process 1 ends, the kernel ends everything
else: containers, mounts, bridges. Only control groups outlive it; __main__ removes those. Nothing of the host's is
written to, not even the kernel settings that a kubelet sets.
"""
