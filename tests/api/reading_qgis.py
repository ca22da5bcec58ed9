"""Run by the Python that QGIS is installed for: reads layers as its OAPIF provider does.

    python3 reading_qgis.py ADDRESS KEY '{"layer": "filter", …}'

prints the code and position of every feature, by layer, as JSON.
"""

import json
import sys

from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

address, key, asked = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
application = QgsApplication([], False)
application.initQgis()
told = {}
for name, box in asked.items():
    source = f"url='{address}' typename='{name}' username='reader' password='{key}' pageSize='2'"
    layer = QgsVectorLayer(source, name, "OAPIF")
    assert layer.isValid(), layer.error().message()
    request = QgsFeatureRequest()
    if box is not None:
        request.setFilterRect(QgsRectangle(*box))
    told[name] = [
        [one["code"], one.geometry().centroid().asPoint().x(), layer.crs().authid()]
        for one in layer.getFeatures(request)
    ]
    del layer  # before the application, which it needs
sys.stdout.write(json.dumps(told) + "\n")
application.exitQgis()
