"""boards: every dashboard, one file each, told in the words of panels.py."""

from dashboards.grafana.boards.cluster import CLUSTER
from dashboards.grafana.boards.cost import COST
from dashboards.grafana.boards.errors import ERRORS
from dashboards.grafana.boards.node import NODE
from dashboards.grafana.boards.pipeline import PIPELINE
from dashboards.grafana.boards.pods import PODS
from dashboards.grafana.boards.slo import SLO
from dashboards.panels import Dashboard

BOARDS: tuple[Dashboard, ...] = (PODS, ERRORS, CLUSTER, NODE, PIPELINE, SLO, COST)
