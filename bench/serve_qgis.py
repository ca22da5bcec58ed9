"""Run by the Python that QGIS is installed for: writes the project that QGIS Server serves.

python3 serve_qgis.py PROJECT.qgs "dbname=… host=… user=…"
"""

import sys

from qgis.core import QgsApplication, QgsDataSourceUri, QgsProject, QgsVectorLayer

path, connection = sys.argv[1:]
application = QgsApplication([], False)
application.initQgis()
source = QgsDataSourceUri(connection)
source.setDataSource("bench_peers", "components", "geom", "", "id")
source.setSrid("4490")
source.setUseEstimatedMetadata(True)
layer = QgsVectorLayer(source.uri(False), "components", "postgres")
if not layer.isValid():
    sys.exit(layer.error().message())
project = QgsProject.instance()
project.addMapLayer(layer)
project.writeEntry("WFSLayers", "/", [layer.id()])
project.writeEntryDouble("WFSLayersPrecision", f"/{layer.id()}", 8)
if not project.write(path):
    sys.exit(project.error())
del layer
