"""Renders a chart, and lints it: render_chart.py CHART, with JSON of its values on standard input.

It runs in `.venv-packages`, with the library of Helm that the package helm-python-sdk has built in.
"""

import json
import sys

from helm_python.chart import Chart, lint

path, values = sys.argv[1], json.load(sys.stdin)
findings = lint(path, values, strict=True)
rendered = Chart.load(path).render(values, name="captions", namespace="talks")
json.dump({"findings": findings, "rendered": rendered}, sys.stdout)
