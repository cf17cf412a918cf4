"""cgroups: the node's control groups in, what each pod and container uses and may use, out.

owner.py         a group's path to the pod's uid and the container's id
tree.py          the folders of a hierarchy to the groups that count
hierarchies.py   which version is mounted where
files.py         a group's files, kept open from scrape to scrape
usage.py         what a group says, whichever version it is of; v1.py, v2.py: its files to that
group.py         one group from its first scrape to its last; present.py: all of them, with who they are
labelled.py      who a group is to the label sets of its samples
families.py      usage to cAdvisor's families
processes.py     what /proc says of a group's processes; interfaces.py: their networks
network.py       pods' networks to cAdvisor's families; devices.py: the names of block devices
"""
