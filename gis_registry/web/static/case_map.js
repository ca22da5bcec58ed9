/** The map of a case: where it is, which component is meant, what stands around it. */
(function () {
  "use strict";

  const isChinese = document.documentElement.lang.startsWith("zh");
  const element = document.getElementById("map");
  const around = JSON.parse(element.dataset.around);
  const map = L.map(element, { attributionControl: false, maxZoom: 21, scrollWheelZoom: false, zoomSnap: 0.5 });
  L.control.scale({ imperial: false }).addTo(map);

  function named(layer, one, more) {
    const words = document.createElement("span"); // names come from data: text, never HTML
    words.textContent = [isChinese ? one.zh : one.en, more].filter(Boolean).join(" ");
    return layer.bindTooltip(words);
  }

  for (const one of around.components) {
    const style = one.is_meant
      ? { radius: 10, color: "#0b5c6b", weight: 3, fillColor: "#57b9ca", fillOpacity: 0.9 }
      : { radius: 4.5, color: "#ffffff", weight: 1, fillColor: "#6b7f86", fillOpacity: 1 };
    named(L.circleMarker(one.at, style), one, one.code.slice(-6)).addTo(map);
  }
  for (const one of around.responders) {
    L.polyline([around.at, one.at], { color: "#56676e", weight: 1.5, dashArray: "5 5", interactive: false }).addTo(map);
    named(L.circleMarker(one.at, { radius: 6, color: "#ffffff", weight: 1, fillColor: "#1c2f45", fillOpacity: 1 }), one).addTo(map);
  }
  L.circleMarker(around.at, { radius: 7, color: "#ffffff", weight: 2, fillColor: "#c2141c", fillOpacity: 1, interactive: false }).addTo(map);
  const near = around.components.slice(0, 12).map((one) => one.at);
  if (near.length < 3) near.push(...around.responders.map((one) => one.at));
  map.fitBounds(L.latLngBounds([around.at, ...near]).pad(0.15), { maxZoom: 19, animate: false });
  element.dataset.ready = "true";
})();
