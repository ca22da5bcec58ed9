/**
 * A map of a collection's vector tiles: circles with numbers where features are counted, each
 * feature near by. A click on a circle goes nearer; one on a component opens its page. It fills
 * a page of its own, whose address keeps the view, or stands in another one.
 */
"use strict";

(() => {
  const WORKER = "/static/vendor/maplibre-gl/dist/maplibre-gl-csp-worker.js";
  const NEARER = 2;
  const LAST_ZOOM = 20;
  const IMAGE = "count-";
  const GESTURES = {
    "CooperativeGesturesHandler.WindowsHelpText": "按住Ctrl键滚动以缩放地图",
    "CooperativeGesturesHandler.MacHelpText": "按住⌘键滚动以缩放地图",
    "CooperativeGesturesHandler.MobileHelpText": "用两指移动地图",
  };
  const place = document.getElementById("tiles-map");
  const { tilejson, borders, layer, lang, box } = place.dataset;
  const isAlone = place.classList.contains("alone");
  const locale = lang === "zh" ? "zh-CN" : "en";
  const exact = new Intl.NumberFormat(locale);
  const short = new Intl.NumberFormat(locale, {
    notation: "compact", maximumSignificantDigits: 3,
  });

  const isCount = ["==", ["get", "is_aggregated"], true];
  const isOne = ["!=", ["get", "is_aggregated"], true];
  const isOf = (kind) => ["all", isOne, ["==", ["geometry-type"], kind]];
  const colour = ["match", ["get", "state"], "retired", "#8a8f94", "#0b6bcb"];
  const drawn = (id, type, filter, paint, layout = {}) => ({
    id, type, source: "tiles", "source-layer": layer, filter, paint, layout,
  });
  const layers = [
    { id: "ground", type: "background", paint: { "background-color": "#f4f3ef" } },
    {
      id: "borders", type: "line", source: "borders", "source-layer": "divisions",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: {
        "line-color": "#9a8f80",
        "line-width": ["match", ["get", "level"], "city", 2, "district", 1.4, 0.5],
      },
    },
    drawn("areas", "fill", isOf("Polygon"), { "fill-color": colour, "fill-opacity": 0.15 }),
    drawn("edges", "line", isOf("Polygon"), { "line-color": colour }),
    drawn("lines", "line", isOf("LineString"), { "line-color": colour, "line-width": 3 }),
    drawn("points", "circle", isOf("Point"), {
      "circle-color": colour,
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 8, 3, 16, 4, 20, 9],
      "circle-stroke-color": "#fff",
      "circle-stroke-width": 1,
    }),
    drawn("counts", "symbol", isCount, {}, {
      "icon-image": ["concat", IMAGE, ["to-string", ["get", "count"]]],
      "icon-allow-overlap": true,
      "icon-ignore-placement": true,
      "symbol-sort-key": ["get", "count"],
    }),
  ];
  const SHOWN = ["counts", "points", "lines", "areas"];

  maplibregl.setWorkerUrl(WORKER);
  start();

  /** Begin where the tiles are: on the part that the address names, or on all of it. */
  async function start() {
    const answer = await fetch(tilejson);
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      document.getElementById("tiles-total").textContent = problem.detail || answer.status;
      return;
    }
    const told = await answer.json();
    const map = new maplibregl.Map({
      container: place,
      style: {
        version: 8,
        sources: {
          borders: { type: "vector", url: borders },
          tiles: {
            type: "vector", tiles: told.tiles, bounds: told.bounds,
            minzoom: told.minzoom, maxzoom: told.maxzoom,
          },
        },
        layers,
      },
      bounds: box ? JSON.parse(box) : told.bounds,
      fitBoundsOptions: { padding: 20, maxZoom: 17 },
      maxZoom: LAST_ZOOM,
      dragRotate: false,
      pitchWithRotate: false,
      hash: isAlone && "map",
      cooperativeGestures: !isAlone, // the page around it is scrolled
      locale: lang === "zh" ? GESTURES : {},
    });
    map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new maplibregl.ScaleControl());
    map.on("styleimagemissing", (event) => draw(map, event.id));
    map.on("click", (event) => clicked(map, event));
    map.on("mousemove", (event) => {
      const isOver = map.queryRenderedFeatures(event.point, { layers: SHOWN }).length > 0;
      map.getCanvas().style.cursor = isOver ? "pointer" : "";
    });
    map.on("idle", () => tellTotal(map));
    window.tilesMap = map;
  }

  /** Draw a circle with a number; the greater, the larger. */
  function draw(map, id) {
    if (!id.startsWith(IMAGE) || map.hasImage(id)) return;
    const count = Number(id.slice(IMAGE.length));
    const scale = Math.ceil(window.devicePixelRatio || 1);
    const radius = Math.min(11 + 2 * Math.log10(count), 22);
    const size = Math.ceil(2 * radius) * scale;
    const canvas = new OffscreenCanvas(size, size);
    const pen = canvas.getContext("2d");
    pen.fillStyle = count < 100 ? "#2f86d6" : count < 10_000 ? "#0b5cad" : "#083d77";
    pen.globalAlpha = 0.92;
    pen.beginPath();
    pen.arc(size / 2, size / 2, size / 2 - scale, 0, 2 * Math.PI);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = "#fff";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `${10 * scale}px system-ui, sans-serif`;
    pen.fillText(short.format(count), size / 2, size / 2 + scale / 2, size - 4 * scale);
    map.addImage(id, pen.getImageData(0, 0, size, size), { pixelRatio: scale });
  }

  /** Go nearer to a circle; open a component; tell what another feature says. */
  function clicked(map, event) {
    const [found] = map.queryRenderedFeatures(event.point, { layers: SHOWN });
    if (!found) return;
    const { is_aggregated: isAggregated, code } = found.properties;
    if (isAggregated) {
      const zoom = Math.min(Math.floor(map.getZoom()) + NEARER, LAST_ZOOM);
      map.easeTo({ center: found.geometry.coordinates, zoom });
    } else if (layer === "components" || layer.startsWith("components-")) {
      window.location.assign(`/c/${encodeURIComponent(code)}`);
    } else {
      const list = document.createElement("ul");
      list.className = "tiles-facts";
      for (const [name, value] of Object.entries(found.properties)) {
        if (name === "count") continue;
        const line = document.createElement("li");
        const title = document.createElement("b");
        title.textContent = `${name} `;
        line.append(title, String(value));
        list.append(line);
      }
      new maplibregl.Popup().setLngLat(event.lngLat).setDOMContent(list).addTo(map);
    }
  }

  /** Tell how many features all circles and features in view stand for, each once. */
  function tellTotal(map) {
    const counted = new Map();
    for (const one of map.queryRenderedFeatures({ layers: SHOWN })) {
      const { is_aggregated: isAggregated, count, ...said } = one.properties;
      // A feature that reaches over the edge of a tile is in both.
      if (isAggregated) counted.set(one.geometry.coordinates.join(), count);
      else counted.set(JSON.stringify(said), 1);
    }
    const total = [...counted.values()].reduce((sum, count) => sum + count, 0);
    document.getElementById("tiles-total").textContent = exact.format(total);
    document.documentElement.dataset.ready = "true";
  }
})();
