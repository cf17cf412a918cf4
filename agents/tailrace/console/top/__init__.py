"""top: the pages /metrics of a log agent and of the exporter in; what they and their node are doing, on a terminal.

page.py      an address to one page of metrics, or to why there is none
agent.py     two pages of the log agent to rates, how far behind it is and what it drops
node.py      two pages of the exporter to the use of the node and its pods
screen.py    both to lines of text that fit a terminal
command.py   `tailrace top`: live, or once
"""
