// npm ci && npm run build [-- FILE]: bundles entry.mjs into one file (../assets/sip.js), with the licences of all that is in it at its head. The same lock file gives the same bytes.
import { build } from "esbuild";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { metafile } = await build({ ...options(), write: false, metafile: true });
const packages = [...new Set(Object.keys(metafile.inputs).flatMap(input => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []))].sort();
await build({ ...options(), banner: { js: `/*! Built by Dashboard/softphone; not to be edited.\n\n${packages.map(licenceOf).join("\n\n")}\n*/` } });

function options() {
  return {
    absWorkingDir: here,
    entryPoints: ["entry.mjs"],
    outfile: process.argv[2] ?? join(here, "..", "assets", "sip.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  };
}

function licenceOf(name) {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find(found => /^licen[sc]e(\.md|\.txt)?$/i.test(found));
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim().replaceAll("*/", "* /")}`;
}
