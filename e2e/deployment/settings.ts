import { type Config, readConfig } from "../../src/config/config.js";
import { pairsOf, readStages } from "./dockerfile.js";

/** Variables as a manifest sets them. */
export type Settings = Readonly<Record<string, string>>;

/** Each variable that the service reads. */
export function knownVariables(): ReadonlySet<string> {
  const names = new Set<string>();
  const environment = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => {
        names.add(String(name));
        return undefined;
      },
    },
  );
  readConfig(environment);
  return names;
}

/** What the image and a manifest make of the service. @throws ConfigError */
export function configOf(settings: Settings): Config {
  const files = Object.keys(settings).filter((name) => name.endsWith("_FILE"));
  const here = Object.fromEntries(files.map((name) => [name, undefined]));
  // The files are not here, and without them nobody is authenticated.
  return readConfig({ ...imageSettings(), ...settings, ...here, ALLOW_INSECURE: "true" });
}

/** What the image sets. */
export function imageSettings(): Settings {
  const image = readStages().at(-1);
  if (image === undefined) throw new Error("the Dockerfile has no stage");
  return pairsOf(image, "ENV");
}

/** How long the servers may take to close before what is left is lost. */
export function stopSeconds({ drainDelayMs, shutdownGraceMs }: Config): number {
  return (drainDelayMs + shutdownGraceMs) / 1000 + marginSeconds;
}

/** To abort what is left, and to close the pool. */
const marginSeconds = 5;
