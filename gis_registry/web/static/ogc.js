/** Pages below /ogc: where features are, and the form that asks for some of them. */
(function () {
  "use strict";

  const element = document.getElementById("map");
  const box = JSON.parse(element.dataset.box);
  const corners = L.latLngBounds([box[1], box[0]], [box[3], box[2]]);
  const place = element.dataset.place;
  const map = L.map(element, { attributionControl: false, maxZoom: 21, zoomSnap: 0.25, preferCanvas: true });
  L.control.scale({ imperial: false }).addTo(map);
  const outlines = JSON.parse(element.dataset.outlines);
  if (outlines) {
    L.geoJSON(outlines, { interactive: false, style: { color: "#8a99a6", weight: 1.2, fillColor: "#fbfaf6", fillOpacity: 1 } }).addTo(map);
  }
  const features = JSON.parse(element.dataset.features).filter((one) => one.geometry);
  joinAcross180(features.map((one) => one.geometry));
  const drawn = L.geoJSON(features.map((one) => ({ type: "Feature", id: one.id, geometry: one.geometry, properties: {} })), {
    style: (one) => (/Point/.test(one.geometry.type) ? {} : { color: "#0b5c6b", weight: 2, fillColor: "#57b9ca", fillOpacity: 0.25 }),
    pointToLayer: (_, at) =>
      L.circleMarker(at, { radius: 6, color: "#ffffff", weight: 1.5, fillColor: "#0b5c6b", fillOpacity: 0.95 }),
    onEachFeature(one, layer) {
      const words = document.createElement("span"); // ids come from data: text, never HTML
      words.textContent = one.id;
      layer.bindTooltip(words);
      if (place) layer.on("click", () => location.assign(`${place}/${encodeURIComponent(one.id)}`));
    },
  }).addTo(map);
  if (features.length) {
    map.fitBounds(drawn.getBounds().pad(0.05), { maxZoom: 18, animate: false });
  } else {
    map.fitBounds(corners, { animate: false });
    L.rectangle(corners, { color: "#0b5c6b", weight: 1.5, dashArray: "6 5", fill: false, interactive: false }).addTo(map);
  }

  const form = document.getElementById("ask");
  if (form) {
    const take = document.getElementById("take-box");
    take.hidden = false;
    if (matchMedia("(min-width: 60rem)").matches) form.closest("details").open = true;
    take.addEventListener("click", () => {
      form.elements.bbox.value = boxOf(map.getBounds()).map((one) => one.toFixed(5)).join(",");
      const system = form.elements["bbox-crs"];
      if (system) system.remove(); // the map's is longitude and latitude
      form.requestSubmit();
    });
    form.addEventListener("submit", () => {
      for (const one of form.elements) if (one.name && !one.value) one.disabled = true; // short addresses
    });
    // The page that is gone back to has all its fields again.
    window.addEventListener("pageshow", () => { for (const one of form.elements) one.disabled = false; });
  }
  element.dataset.ready = "true";

  /** Return a view as a box in the ranges of longitude and latitude; 180° may be inside it. */
  function boxOf(view) {
    const inRange = (one) => Math.min(Math.max(one, -90), 90);
    const isAllRound = view.getEast() - view.getWest() >= 360;
    const [west, east] = isAllRound
      ? [-180, 180]
      : [view.getSouthWest().wrap().lng, view.getNorthEast().wrap().lng];
    return [west, inRange(view.getSouth()), east, inRange(view.getNorth())];
  }

  /** Move parts of geometries by 360° where that makes them lie closer together. */
  function joinAcross180(geometries) {
    const partsOf = (one) => {
      if (one.geometries) return one.geometries.flatMap(partsOf);
      return one.type.startsWith("Multi") ? one.coordinates : [one.coordinates];
    };
    const placesOf = (one) => (typeof one[0] === "number" ? [one] : one.flatMap(placesOf));
    const spans = geometries.flatMap(partsOf).map(placesOf).filter((one) => one.length).map((places) => ({
      places,
      west: places.reduce((least, at) => Math.min(least, at[0]), Infinity),
      east: places.reduce((greatest, at) => Math.max(greatest, at[0]), -Infinity),
    })).sort((one, other) => one.west - other.west);
    if (!spans.length) return;
    // The map begins east of the widest gap; outside all of them there is one, too.
    let begin = spans[0].west;
    let reached = spans[0].east;
    let widest = begin + 360 - spans.reduce((greatest, one) => Math.max(greatest, one.east), -180);
    for (const { west, east } of spans) {
      if (west - reached > widest) [widest, begin] = [west - reached, west];
      reached = Math.max(reached, east);
    }
    for (const { west, places } of spans) if (west < begin) for (const at of places) at[0] += 360;
  }
})();
