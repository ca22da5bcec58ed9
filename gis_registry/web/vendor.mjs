/**
 * Copy what browsers load from node_modules to static/vendor, from where it is served and packaged.
 *
 * `make setup` runs this after `npm ci`. static/vendor is made anew each time and never committed.
 * A package keeps its own paths below static/vendor/<package>/, so that the links from its styles
 * to its images hold. manifest.json, written last, lists what was copied and under which
 * licence. gis_registry/maps/assets.py says which link of a rendered map each file replaces;
 * maplibre-gl draws vector tiles, swagger-ui-dist is what /docs shows.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGES = join(HERE, "node_modules");
const VENDOR = join(HERE, "static", "vendor");

/** Files and folders of each package. The first is its licence, or the file that states it. */
const WANTED = {
  leaflet: ["LICENSE", "dist/leaflet.css", "dist/leaflet.js", "dist/images"],
  "leaflet.fullscreen": [
    "LICENSE",
    "Control.FullScreen.css",
    "Control.FullScreen.js",
    "icon-fullscreen.svg",
  ],
  "leaflet.markercluster": [
    "MIT-LICENCE.txt",
    "dist/MarkerCluster.css",
    "dist/MarkerCluster.Default.css",
    "dist/leaflet.markercluster.js",
  ],
  "maplibre-gl": [
    "LICENSE.txt",
    "dist/maplibre-gl.css",
    "dist/maplibre-gl-csp.js",
    "dist/maplibre-gl-csp-worker.js",
  ],
  "swagger-ui-dist": [
    "LICENSE",
    "NOTICE",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
  ],
};

rmSync(VENDOR, { recursive: true, force: true });

const manifest = {};
for (const [name, files] of Object.entries(WANTED)) {
  const source = join(PACKAGES, name);
  for (const file of files) {
    if (!existsSync(join(source, file))) {
      console.error(`${name} has no ${file}: run 'npm ci', or correct the list in vendor.mjs`);
      process.exit(1);
    }
    const target = join(VENDOR, name, file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(source, file), target, { recursive: true });
    if (/\.(js|css)$/.test(file)) dropSourceMapLink(target);
  }
  const { version, license } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  manifest[name] = { version, license, files };
}

writeFileSync(join(VENDOR, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
console.log(`${Object.keys(WANTED).length} packages copied to ${VENDOR}`);

/** Remove the link to a source map: maps are not shipped, and asking for one would be a 404. */
function dropSourceMapLink(path) {
  const text = readFileSync(path, "utf8");
  const without = text.replace(/^\s*(\/\/|\/\*)# sourceMappingURL=.*$/gm, "");
  if (without !== text) writeFileSync(path, without);
}
