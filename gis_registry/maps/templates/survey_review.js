/**
 * What the map of a survey draws (see survey_review.py). Rows come from files: what they say only
 * ever becomes the text of DOM nodes.
 */
const surveyReview = (function () {
  "use strict";

  const { node, bilingual, fact, identifier } = baseMap;
  const DETAIL_ZOOM = 15; // from here on arrows, former places and candidates are drawn
  const LEAST_ARROW = 7; // pixels; what is shorter would only be a blot
  const SIGN_RADIUS = 5; // smaller marks have no sign within
  const ABOVE = { pane: "rows", bubblingMouseEvents: false };

  let map = null;
  let data = null;
  let rows = [];
  let details = null;
  let emphasis = null;
  const marks = [];
  const groups = new Map(); // of marks, by verdict

  // ---------------------------------------------------------------- marks

  /** Draw the mark of a verdict: the form tells it apart where colours do not. */
  function paint(ctx, verdict, x, y, r, isFaint, angle = 0) {
    const { colour } = data.looks[verdict];
    const stroke = (style, width) => {
      ctx.strokeStyle = style;
      ctx.lineWidth = width;
      ctx.stroke();
    };
    ctx.save();
    ctx.globalAlpha = isFaint ? 0.35 : 1;
    ctx.lineCap = "round";
    ctx.beginPath();
    if (verdict === "reclassified") {
      ctx.moveTo(x, y - r * 1.25);
      ctx.lineTo(x + r * 1.25, y);
      ctx.lineTo(x, y + r * 1.25);
      ctx.lineTo(x - r * 1.25, y);
      ctx.closePath();
    } else if (verdict === "refused") ctx.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
    else ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.fillStyle = verdict === "missing" ? "#ffffff" : colour;
    ctx.fill();
    if (verdict === "missing") stroke(colour, Math.min(2.4, r * 0.4));
    else stroke(verdict === "ambiguous" ? "#3f3a00" : "#ffffff", 1.2);
    const line = (points, style) => {
      if (r < SIGN_RADIUS) return;
      ctx.beginPath();
      points.forEach(([dx, dy], n) => ctx[n % 2 ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
      stroke(style, 1.6);
    };
    if (verdict === "new") line([[-0.5, 0], [0.5, 0], [0, -0.5], [0, 0.5]], "#ffffff");
    if (verdict === "missing") line([[-0.4, -0.4], [0.4, 0.4], [-0.4, 0.4], [0.4, -0.4]], colour);
    if (verdict === "refused") line([[-0.45, -0.45], [0.45, 0.45], [-0.45, 0.45], [0.45, -0.45]], "#fff");
    if (verdict === "changed" && r >= SIGN_RADIUS) {
      ctx.beginPath();
      ctx.arc(x, y, r * 0.34, 0, 2 * Math.PI);
      ctx.fillStyle = "#ffffff";
      ctx.fill();
    }
    if (verdict === "moved") {
      ctx.translate(x, y);
      ctx.rotate(angle);
      ctx.translate(-x, -y);
      line([[-0.5, 0], [0.5, 0], [0.1, -0.4], [0.5, 0], [0.1, 0.4], [0.5, 0]], "#fff");
    }
    if (verdict === "ambiguous" && r >= SIGN_RADIUS) {
      ctx.fillStyle = "#2b2700";
      ctx.font = `bold ${Math.round(r * 1.7)}px sans-serif`;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillText("?", x, y + 0.5);
    }
    ctx.restore();
  }

  const Mark = L.CircleMarker.extend({
    _updatePath() {
      const renderer = this._renderer;
      if (!renderer._drawing || this._empty()) return;
      const { verdict, decision, angle } = this.shown;
      const { x, y } = this._point;
      paint(renderer._ctx, verdict, x, y, this._radius, isOut(decision), angle);
    },
  });

  const Arrow = L.Polyline.extend({
    _updatePath() {
      const renderer = this._renderer;
      renderer._updatePoly(this);
      const part = this._parts && this._parts[this._parts.length - 1];
      if (!renderer._drawing || !part || part.length < 2) return;
      const [from, to] = part.slice(-2);
      if (from.distanceTo(to) < LEAST_ARROW) return;
      const angle = Math.atan2(to.y - from.y, to.x - from.x);
      const tip = to.subtract(L.point(Math.cos(angle), Math.sin(angle)).multiplyBy(7)); // at the mark
      const ctx = renderer._ctx;
      ctx.beginPath();
      ctx.moveTo(tip.x, tip.y);
      for (const turn of [-0.45, 0.45]) {
        ctx.lineTo(tip.x - 11 * Math.cos(angle + turn), tip.y - 11 * Math.sin(angle + turn));
      }
      ctx.closePath();
      ctx.fillStyle = this.options.color;
      ctx.fill();
    },
  });

  const isOut = (decision) => decision === "rejected" || decision === "dropped";
  const isPoint = (geometry) => typeof geometry[0] === "number";
  const isLine = (geometry) => !isPoint(geometry) && typeof geometry[0][0] === "number";

  /** A geometry as shape; points as a ring. */
  function shape(geometry, style) {
    if (isPoint(geometry)) return L.circleMarker(geometry, { ...style, radius: style.radius || 6 });
    return isLine(geometry) ? L.polyline(geometry, { ...style, fill: false }) : L.polygon(geometry, style);
  }

  /** Where the mark of a geometry goes: its middle vertex. */
  function anchor(geometry) {
    if (isPoint(geometry)) return geometry;
    const vertices = isLine(geometry) ? geometry : geometry[0];
    if (!isLine(geometry)) return L.latLngBounds(vertices).getCenter();
    const at = (vertices.length - 1) / 2;
    const [one, other] = [vertices[Math.floor(at)], vertices[Math.ceil(at)]];
    return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
  }

  function taken(row) {
    const [number, verdict, code, classId, area, geometry, before, beforeClass, distance, score,
      runnerUp, runnerUpDistance, other, given, reason, decision] = row;
    const at = L.latLng(anchor(geometry));
    return { number, verdict, code, classId, area, geometry, before, beforeClass, distance, score,
      runnerUp, runnerUpDistance, other, given, reason, decision, at, angle: direction(before, at) };
  }

  /** Which way something moved, on the screen. */
  function direction(before, at) {
    if (!before) return 0;
    const from = L.CRS.EPSG3857.latLngToPoint(L.latLng(anchor(before)), 22);
    const to = L.CRS.EPSG3857.latLngToPoint(at, 22);
    return Math.atan2(to.y - from.y, to.x - from.x);
  }

  function drawMarks() {
    for (const row of rows) {
      if (!groups.has(row.verdict)) groups.set(row.verdict, L.featureGroup());
      const group = groups.get(row.verdict);
      if (!isPoint(row.geometry)) {
        const { colour } = data.looks[row.verdict];
        group.addLayer(listening(shape(row.geometry, {
          ...ABOVE, color: colour, weight: 4, opacity: isOut(row.decision) ? 0.35 : 0.9,
          fillOpacity: 0.18, dashArray: row.verdict === "missing" ? "6 6" : null,
        }), row));
      }
      const mark = new Mark(row.at, { ...ABOVE, radius: radius() });
      mark.shown = row;
      marks.push(mark);
      group.addLayer(listening(mark, row));
    }
    if (data.unchanged.length) {
      groups.set("unchanged", L.layerGroup(data.unchanged.map((at) => L.circleMarker(at, {
        radius: 2, stroke: false, fillColor: data.looks.unchanged.colour, fillOpacity: 0.55,
        interactive: false,
      }))));
    }
    for (const group of groups.values()) group.addTo(map);
  }

  function listening(layer, row) {
    return layer.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      open(row, event.latlng);
    });
  }

  /** Marks are smaller where there are many of them. */
  const radius = () => Math.max(3.5, Math.min(6.5, (map.getZoom() || 0) - 9.5));

  function resizeMarks() {
    const wanted = radius();
    if (marks.length && marks[0].getRadius() !== wanted) for (const mark of marks) mark.setRadius(wanted);
  }

  // ---------------------------------------------------------------- before and after

  function detailsOf(row, isStrong) {
    const layers = [];
    const { colour } = data.looks[row.verdict];
    const ghost = {
      interactive: false, color: colour, weight: isStrong ? 2.5 : 1.8, dashArray: "3 3",
      fill: isPoint(row.geometry), fillColor: "#ffffff", fillOpacity: 0.75, radius: 5,
    };
    if (row.verdict === "ambiguous") {
      const dotted = { interactive: false, color: "#6b6200", weight: isStrong ? 2.5 : 1.6, dashArray: "1 5" };
      for (const candidate of [row.before, row.other]) {
        if (!candidate) continue;
        layers.push(L.polyline([row.at, anchor(candidate)], dotted));
        layers.push(shape(candidate, { ...ghost, color: "#6b6200", dashArray: null }));
      }
    } else if (row.before && row.verdict !== "missing") {
      const from = L.latLng(anchor(row.before));
      if (!from.equals(row.at, 1e-8)) {
        layers.push(shape(row.before, ghost));
        layers.push(new Arrow([from, row.at], {
          interactive: false, color: colour, weight: isStrong ? 3.5 : 2.2, opacity: 0.95,
        }));
      }
    }
    return layers;
  }

  /** Draw arrows and candidates of what is in view; from far they would be a thicket. */
  function drawDetails() {
    details.clearLayers();
    if (map.getZoom() < DETAIL_ZOOM) return;
    const view = map.getBounds().pad(0.2);
    for (const row of rows) {
      if (!view.contains(row.at) || !map.hasLayer(groups.get(row.verdict))) continue;
      for (const layer of detailsOf(row, false)) details.addLayer(layer);
    }
  }

  // ---------------------------------------------------------------- cards

  const metres = (distance) =>
    distance < 1000 ? `${distance.toFixed(2)} m` : `${(distance / 1000).toFixed(1)} km`;

  function className(id) {
    const known = data.classes[id];
    if (!known) return null;
    return [node("span", "code", known[0]), " ", bilingual(known[1], known[2])];
  }

  function card(row) {
    const look = data.looks[row.verdict];
    const title = row.number === null
      ? bilingual("登记部件", "registered component") : node("span", "", `行 Row ${row.number}`);
    const chip = node("span", `chip chip-${row.verdict}`, bilingual(look.zh, look.en));
    const names = data.areas[row.area];
    const parts = [node("div", "card-title", chip, title)];
    const add = (zh, en, ...values) => {
      if (values.length && values[0] !== null && values[0] !== undefined) parts.push(fact(zh, en, ...values));
    };
    if (row.code) add(row.verdict === "ambiguous" ? "候选" : "标识码",
      row.verdict === "ambiguous" ? "Candidate" : "Identifier", identifier(row.code),
      ...(row.distance === null ? [] : [node("span", "distance", ` ${metres(row.distance)}`)]));
    else if (row.verdict === "new") add("标识码", "Identifier", bilingual("应用时发放", "issued when applied"));
    if (row.runnerUp) add("其次", "Next candidate", identifier(row.runnerUp),
      ...(row.runnerUpDistance === null ? [] : [node("span", "distance", ` ${metres(row.runnerUpDistance)}`)]));
    const own = className(row.classId);
    if (own && row.beforeClass && row.beforeClass !== row.classId && row.verdict === "reclassified") {
      add("小类", "Class", ...className(row.beforeClass), node("div", "", "→ ", ...own));
    } else if (own) add("小类", "Class", ...own);
    if (row.score !== null && row.code && row.verdict !== "missing") {
      add("匹配概率", "Score", `${(100 * row.score).toFixed(row.score > 0.999 ? 1 : 0)} %`);
    }
    if (row.given) add("文件所给标识码", "Identifier in the file", identifier(row.given));
    if (names) add("辖区", "Area", bilingual(names[0], names[1]));
    add("依据", "Reason", node("span", "reason", row.reason));
    add("决定", "Decision", row.decision
      ? bilingual(...data.decisions[row.decision]) : bilingual("尚无", "none yet"));
    const commands = commandsFor(row);
    if (commands.length) add("命令", "Commands", ...commands.map((one) => node("div", "command", one)));
    return node("div", "", ...parts);
  }

  /** What to give the program to decide about a row, to be copied. */
  function commandsFor(row) {
    if (!data.is_staged) return [];
    const decide = `gis-registry survey decide ${data.survey}`;
    const correct = `gis-registry survey correct ${data.survey} ${row.number} --reason …`;
    const which = row.number === null ? `--component ${row.code}` : `--row ${row.number}`;
    if (row.verdict === "refused") {
      return [correct, `gis-registry survey drop ${data.survey} ${which} --reason …`];
    }
    if (row.decision) return [`${decide} undo ${which} --reason …`];
    if (row.verdict === "missing") return [`${decide} reject ${which} --reason …`];
    if (row.verdict !== "ambiguous") return [`${decide} reject ${which} --reason …`, correct];
    return [
      ...[row.code, row.runnerUp].filter(Boolean)
        .map((code) => `${decide} accept ${which} --component ${code} --reason …`),
      `${decide} accept ${which} --new --reason …`,
      correct,
    ];
  }

  function open(row, at) {
    const isWide = window.innerWidth >= 900;
    L.popup({ className: "card", minWidth: 230, maxWidth: isWide ? 330 : 270,
      maxHeight: Math.max(160, map.getSize().y - 60), offset: [0, -4] })
      .setLatLng(at || row.at).setContent(card(row)).openOn(map);
    emphasis.clearLayers();
    for (const layer of detailsOf(row, true)) emphasis.addLayer(layer);
    emphasis.addLayer(L.circleMarker(row.at, { radius: 11, color: "#111", weight: 2, fill: false, interactive: false }));
  }

  // ---------------------------------------------------------------- the page

  function show(box, animate) {
    if (box) map.fitBounds(box, { padding: [28, 28], maxZoom: 19, animate });
  }

  function toggles() {
    for (const input of document.querySelectorAll("#panel input[type=checkbox]")) {
      input.addEventListener("change", () => {
        const group = groups.get(input.value);
        if (!group) return;
        if (input.checked) group.addTo(map);
        else group.remove();
        baseMap.restoreOrder(map);
        drawDetails();
      });
    }
    for (const button of document.querySelectorAll("#panel [data-zoom]")) {
      const box = data.boxes[button.dataset.zoom][button.dataset.code];
      if (!box) button.disabled = true;
      button.addEventListener("click", () => show(box, true));
    }
    for (const canvas of document.querySelectorAll("canvas[data-mark]")) {
      const ctx = canvas.getContext("2d");
      ctx.scale(2, 2);
      paint(ctx, canvas.dataset.mark, 10, 10, canvas.dataset.mark === "unchanged" ? 3 : 6.5, false);
    }
  }

  /** Go from one row to the next of those that wait for a person. */
  function steps() {
    const waiting = rows.filter((row) => row.verdict === "ambiguous" && !row.decision);
    const bar = document.getElementById("steps");
    if (!bar || !waiting.length) return;
    bar.hidden = false;
    const place = document.getElementById("step-place");
    let at = -1;
    const go = (by) => {
      at = (at + by + waiting.length) % waiting.length;
      place.textContent = `${at + 1} / ${waiting.length}`;
      const row = waiting[at];
      map.setView(row.at, Math.max(map.getZoom(), 19), { animate: false });
      open(row);
    };
    document.getElementById("step-back").addEventListener("click", () => go(at < 0 ? 0 : -1));
    document.getElementById("step-on").addEventListener("click", () => go(1));
  }

  function begin(given, content) {
    map = given;
    data = content;
    map.createPane("rows").style.zIndex = 420;
    rows = data.rows.map(taken);
    emphasis = L.layerGroup().addTo(map);
    details = L.layerGroup().addTo(map);
    if (window.innerWidth < 900) document.getElementById("panel").open = false;
    map.invalidateSize();
    show(data.box, false);
    drawMarks();
    baseMap.homeButton(map, () => show(data.box, true));
    toggles();
    steps();
    map.on("moveend", () => {
      drawDetails();
      baseMap.restoreOrder(map);
    });
    map.on("zoomend", () => {
      baseMap.placeLabels(map);
      resizeMarks();
    });
    map.on("popupclose", () => emphasis.clearLayers());
    document.getElementById("panel").addEventListener("toggle", () => map.invalidateSize());
    baseMap.restoreOrder(map);
    baseMap.placeLabels(map);
    drawDetails();
    document.documentElement.dataset.ready = "true";
  }

  return { begin };
})();
