/**
 * What the overview map draws, and how. folium writes the data and the calls (see overview.py).
 *
 * Names, matters and report texts come from people and files: they only ever become the text of
 * DOM nodes, never HTML.
 */
const overview = (function () {
  "use strict";

  const LABEL_ZOOM = 12; // from here on subdistricts are named instead of districts
  const LEGEND_WIDTH = 312; // with its margins
  const NEAR_ZOOM = 15; // from here on a case shows which component it is about
  const CASE_COLOUR = "#c2141c";
  const STYLES = {
    land: { fill: true, fillColor: "#fbfaf6", fillOpacity: 1, stroke: false, interactive: false },
    district: { color: "#66758a", weight: 2.2, opacity: 0.85 },
    subdistrict: {
      fill: true, fillColor: "#fbfaf6", fillOpacity: 0.01, color: "#a9b4c1", weight: 1, opacity: 0.9,
    },
    link: { color: CASE_COLOUR, weight: 1.6, opacity: 0.55, dashArray: "5 5", interactive: false },
    reach: { color: CASE_COLOUR, weight: 2, opacity: 0.9, interactive: false },
    ring: { radius: 10, color: CASE_COLOUR, weight: 2.5, fill: false, interactive: false },
    available: { color: "#ffffff", weight: 1, fillColor: "#1c2f45", fillOpacity: 1 },
    away: { color: "#5f6f82", weight: 1.5, fillColor: "#ffffff", fillOpacity: 1 },
  };

  let config = null;
  const components = [];
  const backdrop = []; // what everything else is drawn over, from the top down
  const labels = [];
  const linkOfCase = new Map();
  let caseDetails = null;
  let responderGroup = null;

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

  function metres(distance) {
    if (distance < 1000) return `${Math.round(distance)} m`;
    return `${(distance / 1000).toFixed(distance < 10000 ? 1 : 0)} km`;
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

  function unknown(zh, en) {
    return node("span", "unknown", bilingual(zh, en));
  }

  /** How popups look, and the room that the map leaves around them for its controls. */
  function popupOptions() {
    return {
      className: "card", minWidth: 210, maxWidth: isWide() ? 300 : 270,
      autoPanPaddingTopLeft: isWide() ? [60, 12] : [50, 66],
      autoPanPaddingBottomRight: isWide() ? [LEGEND_WIDTH, 30] : [8, 60],
    };
  }

  function open(map, at, content) {
    return L.popup(popupOptions()).setLatLng(at).setContent(content).openOn(map);
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

  /** Draw divisions under, responders over the components, which come and go with every move. */
  function restoreOrder(map) {
    for (const shape of backdrop) if (map.hasLayer(shape)) shape.bringToBack();
    if (responderGroup && map.hasLayer(responderGroup)) responderGroup.bringToFront();
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

  // ---------------------------------------------------------------- components

  /** Called by FastMarkerCluster for each row: lat, lon, number of the class, identifier. */
  function component(row) {
    const known = config.classes[row[2]];
    const marker = L.circleMarker([row[0], row[1]], {
      radius: 6, color: "#ffffff", weight: 1, fillColor: known.colour, fillOpacity: 0.95,
    });
    marker.component = { code: row[3], known };
    components.push(marker);
    return marker;
  }

  function componentCard({ code, known }) {
    const swatch = node("i", "dot");
    swatch.style.background = known.colour;
    return node("div", "",
      node("div", "card-title", swatch, bilingual(known.name_zh, known.name_en)),
      fact("标识码", "Identifier", identifier(code)),
      fact("小类", "Class", node("span", "code", known.code)));
  }

  function clusterIcon(cluster) {
    const count = cluster.getChildCount();
    const size = Math.round(24 + 6 * Math.log10(count));
    return L.divIcon({
      html: node("span", "", count.toLocaleString("en")), className: "cluster", iconSize: [size, size],
    });
  }

  // ---------------------------------------------------------------- cases and responders

  function caseClusterIcon(cluster) {
    return L.divIcon({
      html: node("span", "", String(cluster.getChildCount())), className: "case-cluster",
      iconSize: [28, 28],
    });
  }

  function links(shown) {
    const group = L.layerGroup();
    for (const { id, ends } of shown) {
      linkOfCase.set(id, L.polyline(ends, STYLES.link).addTo(group));
    }
    return group;
  }

  function emphasise(id, isOpen) {
    const line = linkOfCase.get(id);
    if (line) line.setStyle(isOpen ? { weight: 3.5, opacity: 1 } : STYLES.link);
  }

  function caseCard(one) {
    const about = one.component;
    return node("div", "",
      node("div", "card-title",
        node("span", "case-number", `案件 Case ${one.id}`), node("span", "when", one.opened)),
      node("div", "matter", bilingual(one.matter_zh, one.matter_en)),
      one.text ? node("div", "report", one.text) : "",
      fact("部件", "Component", ...(about
        ? [bilingual(about.class_zh, about.class_en), identifier(about.code)]
        : [unknown("未关联", "none linked")])),
      fact("责任单位", "Responsible unit", one.unit_zh || one.unit_en
        ? bilingual(one.unit_zh, one.unit_en) : unknown("未确定", "not determined")),
      fact("最近调度对象", "Nearest responder", ...(one.responder
        ? [bilingual(one.responder.name_zh, one.responder.name_en),
          node("span", "distance", metres(one.responder.distance_m))]
        : [unknown("无", "none")])));
  }

  /** Rings around components and small pins would only be clutter when seen from far. */
  function showNear(map) {
    const isNear = map.getZoom() >= NEAR_ZOOM;
    map.getContainer().classList.toggle("far", !isNear);
    const { group, details } = caseDetails;
    if (isNear && map.hasLayer(group)) details.addTo(map);
    else details.remove();
  }

  function pin(one) {
    const shape = document.getElementById("case-pin").content.cloneNode(true);
    return L.divIcon({
      className: one.unit_zh || one.unit_en ? "pin" : "pin pin-unassigned",
      html: node("div", "", shape), iconSize: [26, 34], iconAnchor: [13, 33],
    });
  }

  function cases(shown) {
    const group = L.markerClusterGroup({
      maxClusterRadius: 26, showCoverageOnHover: false, clusterPane: "cases",
      iconCreateFunction: caseClusterIcon,
    });
    const details = L.layerGroup();
    group.on("add", () => showNear(group._map)).on("remove", () => details.remove());
    caseDetails = { group, details };
    for (const one of shown) {
      const at = L.latLng(one.lat, one.lon);
      if (one.component && one.component.lat !== null) {
        const of = L.latLng(one.component.lat, one.component.lon);
        details.addLayer(L.polyline([at, of], STYLES.reach));
        details.addLayer(L.circleMarker(of, STYLES.ring));
      }
      L.marker(at, { icon: pin(one), title: `案件 Case ${one.id}`, alt: `Case ${one.id}`,
        pane: "cases", riseOnHover: true })
        .bindPopup(() => caseCard(one), { ...popupOptions(), offset: [0, -26] })
        .on("popupopen", () => emphasise(one.id, true))
        .on("popupclose", () => emphasise(one.id, false))
        .addTo(group);
    }
    return group;
  }

  /** A small square on the canvas, for which Leaflet has no layer. */
  function squareMarker(at, style) {
    const Square = L.CircleMarker.extend({
      _updatePath() {
        const renderer = this._renderer;
        if (!renderer._drawing || this._empty()) return;
        const side = this._radius;
        renderer._ctx.beginPath();
        renderer._ctx.rect(this._point.x - side, this._point.y - side, 2 * side, 2 * side);
        renderer._fillStroke(renderer._ctx, this);
      },
    });
    return new Square(at, style);
  }

  function responders(shown) {
    responderGroup = L.featureGroup(shown.map((one) => {
      const style = one.is_available ? STYLES.available : STYLES.away;
      const marker = squareMarker([one.lat, one.lon], { radius: 4.5, ...style });
      marker.responder = one;
      return marker;
    })).on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      open(event.target._map, event.latlng, responderCard(event.layer.responder));
    });
    return responderGroup;
  }

  function responderCard(one) {
    const kind = one.kind === "crew" ? ["队伍", "crew"] : ["站点", "station"];
    const free = one.is_available ? ["可派", "available"] : ["不可派", "not available"];
    return node("div", "",
      node("div", "card-title", bilingual(one.name_zh, one.name_en)),
      fact("类型", "Kind", bilingual(...kind)),
      fact("状态", "State", bilingual(...free)),
      fact("单位", "Unit", bilingual(one.unit_zh, one.unit_en)));
  }

  // ---------------------------------------------------------------- the page

  const isWide = () => window.innerWidth >= 900 && window.innerHeight >= 620;

  function begin(map, given) {
    config = given;
    attribution(map);
    const names = map.createPane("labels");
    names.style.zIndex = 450;
    names.style.pointerEvents = "none";
    map.createPane("cases").style.zIndex = 620; // above the clusters of components
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

  function showView(map, animate) {
    if (config.view.box) {
      map.fitBounds(config.view.box, {
        paddingTopLeft: isWide() ? [60, 24] : [24, 24],
        paddingBottomRight: isWide() ? [LEGEND_WIDTH, 24] : [24, 60],
        maxZoom: 17,
        animate,
      });
    } else map.setView(config.view.center, config.view.zoom, { animate });
  }

  function homeButton(map) {
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
        showView(map, true);
      });
      return node("div", "leaflet-bar", button);
    };
    control.addTo(map);
  }

  function legend(map, cluster) {
    const panel = document.getElementById("legend");
    panel.open = isWide();
    const control = L.control({ position: "bottomright" });
    control.onAdd = () => {
      L.DomEvent.disableClickPropagation(panel);
      L.DomEvent.disableScrollPropagation(panel);
      return panel;
    };
    control.addTo(map);
    panel.addEventListener("change", () => {
      const wanted = new Set(
        Array.from(panel.querySelectorAll("input:checked"), (input) => input.value));
      cluster.clearLayers();
      cluster.addLayers(components.filter((one) => wanted.has(one.component.known.major)));
    });
  }

  function finish(map, data, cluster) {
    cluster.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      open(map, event.layer.getLatLng(), componentCard(event.layer.component));
    });
    showView(map, false);
    if (config.view.city_box) {
      const city = L.latLngBounds(config.view.city_box);
      map.setMinZoom(Math.min(map.getBoundsZoom(city) - 1, map.getZoom()));
      map.setMaxBounds(city.pad(0.6));
    }
    homeButton(map);
    legend(map, cluster);
    map.on("overlayadd overlayremove", () => {
      restoreOrder(map);
      placeLabels(map);
    });
    map.on("moveend", () => restoreOrder(map));
    map.on("zoomend", () => {
      placeLabels(map);
      showNear(map);
    });
    restoreOrder(map);
    showNear(map);
    placeLabels(map);
    document.documentElement.dataset.ready = "true";
  }

  return {
    node, bilingual, fact, identifier, placeLabels, restoreOrder,
    begin, finish, isWide, districts, subdistricts, component, clusterIcon, links, cases, responders,
  };
})();
