"""The one system of coordinates that geometries are stored in, for what needs no tables."""

#: CGCS2000 geographic: every stored geometry is in it, x = longitude, y = latitude.
SRID = 4490
