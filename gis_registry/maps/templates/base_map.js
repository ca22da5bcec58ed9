/**
 * What every map of the city has: the divisions and their names, who drew them, the way back to the
 * first view, and text. folium writes the data and the calls (see base_map.py).
 *
 * Names, matters and report texts come from people and files: they only ever become the text of
 * DOM nodes, never HTML.
 */
const baseMap = (function () {
  "use strict";

  const LABEL_ZOOM = 12; // from here on subdistricts are named instead of districts
  const STYLES = {
    land: { fill: true, fillColor: "#fbfaf6", fillOpacity: 1, stroke: false, interactive: false },
    district: { color: "#66758a", weight: 2.2, opacity: 0.85 },
    subdistrict: {
      fill: true, fillColor: "#fbfaf6", fillOpacity: 0.01, color: "#a9b4c1", weight: 1, opacity: 0.9,
    },
  };

  let config = null;
  const backdrop = []; // what everything else is drawn over, from the top down
  const labels = [];

  function begin(map, given) {
    config = given;
    attribution(map);
    const names = map.createPane("labels");
    names.style.zIndex = 450;
    names.style.pointerEvents = "none";
  }

  /** Who drew the boundaries. Leaflet takes this line as HTML, so what is not ours is escaped. */
  function attribution(map) {
    map.attributionControl.setPrefix(false);
    const { is_openstreetmap: isOpenStreetMap, others } = config.attribution;
    const makers = others.map((one) => node("span", "", one).innerHTML);
    if (isOpenStreetMap) {
      makers.unshift('© <a href="https://www.openstreetmap.org/copyright" target="_blank" ' +
        'rel="noopener">OpenStreetMap</a> contributors');
    }
    if (makers.length) map.attributionControl.addAttribution(`边界 Boundaries: ${makers.join("; ")}`);
  }

  // ---------------------------------------------------------------- text

  function node(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  }

  /** Both names, the Chinese one first; either may be missing, or both the same. */
  function bilingual(zh, given) {
    const en = given === zh ? "" : given;
    return node(
      "span", "names",
      zh ? node("span", "zh", zh) : "", zh && en ? " " : "", en ? node("span", "en", en) : "",
    );
  }

  /** An identifier in its parts: division, class, serial. */
  function identifier(code) {
    const text = `${code.slice(0, 6)} ${code.slice(6, -6)} ${code.slice(-6)}`;
    if (!config.card_prefix) return node("span", "code", text);
    const link = node("a", "code", text);
    link.href = config.card_prefix + encodeURIComponent(code);
    return link;
  }

  function fact(zh, en, ...values) {
    return node("div", "fact", node("div", "fact-name", bilingual(zh, en)),
      node("div", "fact-value", ...values));
  }

  // ---------------------------------------------------------------- divisions

  /** Rings as outlines.py writes them: the first vertex, then steps to the next. */
  function latLngs(ring) {
    const found = [];
    let lon = 0;
    let lat = 0;
    for (let i = 0; i < ring.length; i += 2) {
      lon += ring[i];
      lat += ring[i + 1];
      found.push([lat / config.steps_per_degree, lon / config.steps_per_degree]);
    }
    return found;
  }

  function polygon(area, style) {
    return L.polygon(area.polygons.map((rings) => rings.map(latLngs)), style);
  }

  /** Only the line: on a canvas, a polygon takes the pointer inside even when it is not filled. */
  function border(area, style) {
    return L.polyline(area.polygons.flatMap((rings) => rings.map(latLngs)), style);
  }

  function withNames(shape, area) {
    return shape.bindTooltip(
      () => node("div", "", bilingual(area.name_zh, area.name_en),
        area.parent_zh || area.parent_en
          ? node("div", "within", bilingual(area.parent_zh, area.parent_en)) : ""),
      { sticky: true, direction: "top", offset: [0, -6], className: "place" },
    );
  }

  /** The name written into an area; shown while there is room (see placeLabels). */
  function label(area, level) {
    const marker = L.marker([area.label[1], area.label[0]], {
      pane: "labels", interactive: false, keyboard: false,
      icon: L.divIcon({
        className: `label label-${level}`, iconSize: [0, 0],
        html: node("div", "", node("div", "zh", area.name_zh),
          area.name_en === area.name_zh ? "" : node("div", "en", area.name_en)),
      }),
    });
    labels.push({ marker, level });
    return marker;
  }

  function districts(areas) {
    const land = areas.map((area) => polygon(area, STYLES.land));
    const borders = areas.map((area) => withNames(border(area, STYLES.district), area));
    backdrop.push(...borders, ...land);
    return L.layerGroup([...land, ...borders, ...areas.map((area) => label(area, "district"))]);
  }

  function subdistricts(areas) {
    const shapes = areas.map((area) => withNames(polygon(area, STYLES.subdistrict), area));
    // Above the land, below the borders of districts.
    backdrop.splice(backdrop.length / 2, 0, ...shapes);
    return L.layerGroup([...shapes, ...areas.map((area) => label(area, "subdistrict"))]);
  }

  /** Draw divisions under everything else, which comes and goes with every move. */
  function restoreOrder(map) {
    for (const shape of backdrop) if (map.hasLayer(shape)) shape.bringToBack();
  }

  /** Show the names that fit without touching one another, those of the level that suits the zoom. */
  function placeLabels(map) {
    const level = map.getZoom() < LABEL_ZOOM ? "district" : "subdistrict";
    const taken = [];
    for (const one of labels) {
      const element = one.marker.getElement();
      if (!element) continue;
      const text = element.firstElementChild;
      element.style.display = one.level === level ? "" : "none";
      if (one.level !== level) continue;
      const at = map.latLngToLayerPoint(one.marker.getLatLng());
      const half = L.point(text.offsetWidth, text.offsetHeight).divideBy(2).add([6, 3]);
      const box = L.bounds(at.subtract(half), at.add(half));
      const fits = !taken.some((other) => other.overlaps(box));
      if (fits) taken.push(box);
      element.style.display = fits ? "" : "none";
    }
  }

  // ---------------------------------------------------------------- the way back

  /** A button that goes back to the first view. */
  function homeButton(map, goHome) {
    const control = L.control({ position: "topleft" });
    control.onAdd = () => {
      const button = node("a", "home", "⌂");
      button.href = "#";
      button.title = "回到初始范围 Initial view";
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", button.title);
      L.DomEvent.disableClickPropagation(button);
      L.DomEvent.on(button, "click", (event) => {
        L.DomEvent.preventDefault(event);
        goHome();
      });
      return node("div", "leaflet-bar", button);
    };
    control.addTo(map);
  }

  return {
    begin, node, bilingual, identifier, fact, districts, subdistricts, restoreOrder, placeLabels,
    homeButton,
  };
})();
