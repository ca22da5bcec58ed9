/**
 * What the overview map draws over the base map, and how. folium writes the data and the calls (see
 * overview.py).
 */
const overview = (function () {
  "use strict";

  const { node, bilingual, identifier, fact } = baseMap;
  const LEGEND_WIDTH = 312; // with its margins
  const NEAR_ZOOM = 15; // from here on a case shows which component it is about
  const CASE_COLOUR = "#c2141c";
  const STYLES = {
    link: { color: CASE_COLOUR, weight: 1.6, opacity: 0.55, dashArray: "5 5", interactive: false },
    reach: { color: CASE_COLOUR, weight: 2, opacity: 0.9, interactive: false },
    ring: { radius: 10, color: CASE_COLOUR, weight: 2.5, fill: false, interactive: false },
    available: { color: "#ffffff", weight: 1, fillColor: "#1c2f45", fillOpacity: 1 },
    away: { color: "#5f6f82", weight: 1.5, fillColor: "#ffffff", fillOpacity: 1 },
  };

  let config = null;
  let ahead = 0; // how far the server's clock is ahead of this one
  const components = [];
  const linkOfCase = new Map();
  const drawnCases = new Map(); // number → what is drawn of it
  let linkGroup = null;
  let caseDetails = null;
  let responderGroup = null;

  // ---------------------------------------------------------------- text

  function metres(distance) {
    if (distance < 1000) return `${Math.round(distance)} m`;
    return `${(distance / 1000).toFixed(distance < 10000 ? 1 : 0)} km`;
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
    const late = cluster.getAllChildMarkers().filter((one) => isOverdue(one.case)).length;
    return L.divIcon({
      html: node("div", "", node("span", "", String(cluster.getChildCount())),
        late ? node("span", "late", `超时${late}`) : ""),
      className: late ? "case-cluster has-overdue" : "case-cluster", iconSize: [28, 28],
    });
  }

  function links(shown) {
    linkGroup = L.layerGroup();
    for (const { id, ends } of shown) drawLink(id, ends);
    return linkGroup;
  }

  function drawLink(id, ends) {
    linkOfCase.set(id, L.polyline(ends, STYLES.link).addTo(linkGroup));
  }

  function emphasise(id, isOpen) {
    const line = linkOfCase.get(id);
    if (line) line.setStyle(isOpen ? { weight: 3.5, opacity: 1 } : STYLES.link);
  }

  const nowMs = () => Date.now() + ahead;
  const isOverdue = (one) => one.due !== null && Date.parse(one.due) < nowMs();

  function length(milliseconds) {
    const minutes = Math.floor(Math.abs(milliseconds) / 60000);
    const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
    if (days) return [`${days}天${hours}小时`, `${days} d ${hours} h`];
    return hours ? [`${hours}小时${minutes % 60}分`, `${hours} h ${minutes % 60} min`]
      : [`${minutes}分钟`, `${minutes} min`];
  }

  function dueWords(one) {
    if (one.due === null) return bilingual("无时限", "no limit");
    const [zh, en] = length(Date.parse(one.due) - nowMs());
    return isOverdue(one) ? node("span", "overdue", bilingual(`超时${zh}`, `overdue by ${en}`))
      : bilingual(`还剩${zh}`, `${en} left`);
  }

  function caseNumber(one) {
    const words = `案件 Case ${one.id}`;
    if (!config.case_prefix) return node("span", "case-number", words);
    const link = node("a", "case-number", words);
    link.href = config.case_prefix + one.id;
    return link;
  }

  function caseCard(one) {
    const about = one.component;
    return node("div", "",
      node("div", "card-title", caseNumber(one), node("span", "when", one.opened)),
      node("div", "matter", bilingual(one.matter_zh, one.matter_en)),
      node("div", "standing", bilingual(one.state_zh, one.state_en), " · ", dueWords(one)),
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
    const late = isOverdue(one);
    const classes = ["pin", one.unit_zh || one.unit_en ? "" : "pin-unassigned", late ? "pin-overdue" : ""];
    return L.divIcon({
      className: classes.filter(Boolean).join(" "),
      html: node("div", "", shape, late ? node("span", "late", "超时") : ""),
      iconSize: [26, 34], iconAnchor: [13, 33],
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
    for (const one of shown) drawCase(one);
    return group;
  }

  function drawCase(one) {
    const { group, details } = caseDetails;
    const at = L.latLng(one.lat, one.lon);
    const around = [];
    if (one.component && one.component.lat !== null) {
      const of = L.latLng(one.component.lat, one.component.lon);
      around.push(L.polyline([at, of], STYLES.reach), L.circleMarker(of, STYLES.ring));
    }
    for (const layer of around) details.addLayer(layer);
    const title = `案件 Case ${one.id} · ${one.state_zh} ${one.state_en}`;
    const marker = L.marker(at, { icon: pin(one), title, alt: title, pane: "cases", riseOnHover: true })
      .bindPopup(() => caseCard(one), { ...popupOptions(), offset: [0, -26] })
      .on("popupopen", () => emphasise(one.id, true))
      .on("popupclose", () => emphasise(one.id, false));
    marker.case = one;
    group.addLayer(marker);
    drawnCases.set(one.id, { one, marker, around, wasOverdue: isOverdue(one) });
  }

  function eraseCase(id) {
    const drawn = drawnCases.get(id);
    if (!drawn) return;
    drawnCases.delete(id);
    caseDetails.group.removeLayer(drawn.marker);
    for (const layer of drawn.around) caseDetails.details.removeLayer(layer);
    if (linkOfCase.has(id)) linkGroup.removeLayer(linkOfCase.get(id));
    linkOfCase.delete(id);
  }

  // ---------------------------------------------------------------- what changes while it is seen

  const MOST_ASKED = 200; // as many as the server answers at once

  /** Draw what became of cases, or of all (null); those of which nothing is told are closed. */
  async function update(map, numbers) {
    if (numbers !== null && numbers.length > MOST_ASKED) numbers = null;
    const asked = numbers === null ? "" : `?${numbers.map((id) => `number=${id}`).join("&")}`;
    const answer = await fetch(`/maps/overview/cases${asked}`);
    if (!answer.ok) return;
    const told = await answer.json();
    const openId = [...drawnCases.values()].find(({ marker }) => marker.isPopupOpen())?.one.id;
    for (const id of numbers ?? [...drawnCases.keys()]) eraseCase(id);
    for (const one of told.cases) {
      drawCase(one);
      if (one.responder) drawLink(one.id, [[one.lat, one.lon], [one.responder.lat, one.responder.lon]]);
    }
    const again = drawnCases.get(openId)?.marker;
    if (again?._map && !again.isPopupOpen()) again.openPopup();
    const count = document.querySelector(".bar .is-case dd");
    if (count) count.textContent = told.case_count.toLocaleString("en");
  }

  function follow(map) {
    if (typeof live === "undefined") return; // a map that is a file stays as it was drawn
    live.onCases((numbers) => update(map, numbers).catch(() => {}));
    setInterval(() => {
      for (const { one, marker, wasOverdue } of drawnCases.values()) {
        if (!wasOverdue && isOverdue(one)) {
          marker.setIcon(pin(one));
          caseDetails.group.refreshClusters(marker);
          drawnCases.get(one.id).wasOverdue = true;
        }
      }
    }, 20000);
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

  /** Draw divisions under, responders over the components, which come and go with every move. */
  function restoreOrder(map) {
    baseMap.restoreOrder(map);
    if (responderGroup && map.hasLayer(responderGroup)) responderGroup.bringToFront();
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
    ahead = typeof live === "undefined" ? 0 : Date.parse(config.now) - Date.now();
    map.createPane("cases").style.zIndex = 620; // above the clusters of components
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
    baseMap.homeButton(map, () => showView(map, true));
    legend(map, cluster);
    map.on("overlayadd overlayremove", () => {
      restoreOrder(map);
      baseMap.placeLabels(map);
    });
    map.on("moveend", () => restoreOrder(map));
    map.on("zoomend", () => {
      baseMap.placeLabels(map);
      showNear(map);
    });
    restoreOrder(map);
    showNear(map);
    baseMap.placeLabels(map);
    follow(map);
    document.documentElement.dataset.ready = "true";
  }

  return { begin, finish, isWide, component, clusterIcon, links, cases, responders };
})();
