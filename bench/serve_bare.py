"""A reference without anything: what FastAPI and psycopg take for the same questions.

Serves ``bench_peers.components`` of the database that the environment names (PGHOST, PGDATABASE …).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from psycopg_pool import AsyncConnectionPool

_FEATURE = """
json_build_object('type', 'Feature', 'id', code, 'geometry', ST_AsGeoJSON(geom)::json, 'properties',
  json_build_object('code', code, 'class_code', class_code, 'class_name_zh', class_name_zh,
  'state', state, 'division_code', division_code, 'surveyed_on', surveyed_on,
  'accuracy_m', accuracy_m))::text
"""
_PAGE = f"SELECT {_FEATURE} FROM bench_peers.components WHERE {{}} ORDER BY id LIMIT %(limit)s"
_TILE = """
SELECT ST_AsMVT(t, 'components', 4096, 'geom') FROM (
  SELECT code, class_code, state, ST_AsMVTGeom(ST_Transform(geom, 3857), e) AS geom
  FROM bench_peers.components, ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS e
  WHERE geom && ST_SetSRID(ST_Transform(e, 4326), 4490)
) AS t
"""
_BOX = "geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4490)"
pool = AsyncConnectionPool("", min_size=1, max_size=4, open=False, kwargs={"autocommit": True})


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with pool:
        yield


app = FastAPI(lifespan=lifespan)


async def rows(statement: str, values: dict[str, object]) -> list[tuple[str | bytes]]:
    async with pool.connection() as connection:
        return await (await connection.execute(statement, values)).fetchall()


async def page(where: str, **values: object) -> Response:
    found = await rows(_PAGE.format(where), values)
    features = ",".join(str(one[0]) for one in found)
    content = f'{{"type":"FeatureCollection","features":[{features}]}}'
    return Response(content, media_type="application/geo+json")


@app.get("/items/{number}")
async def item(number: int) -> Response:
    return await page("id = %(number)s", number=number, limit=1)


@app.get("/items")
async def items(limit: int = 10, after: int = 0) -> Response:
    return await page("id > %(after)s", after=after, limit=limit)


@app.get("/box")
async def box(bbox: str, limit: int) -> Response:
    west, south, east, north = map(float, bbox.split(","))
    return await page(_BOX, west=west, south=south, east=east, north=north, limit=limit)


@app.get("/tiles/{z}/{x}/{y}")
async def tile(z: int, x: int, y: int) -> Response:
    ((content,),) = await rows(_TILE, {"z": z, "x": x, "y": y})
    return Response(content, media_type="application/vnd.mapbox-vector-tile")
