import { type Config, readConfig } from "../../src/config/config.js";
import { pairsOf, readStages } from "./dockerfile.js";

/** Variables that a manifest sets. */
export type Settings = Readonly<Record<string, string>>;

/** Returns each variable that the service reads. */
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

/** Returns the configuration from the image and a manifest. @throws ConfigError */
export function configOf(settings: Settings): Config {
  const files = Object.keys(settings).filter((name) => name.endsWith("_FILE"));
  const here = Object.fromEntries(files.map((name) => [name, undefined]));
  // The files do not exist here, and without them no caller is authenticated.
  return readConfig({ ...imageSettings(), ...settings, ...here, ALLOW_INSECURE: "true" });
}

/** Returns the variables that the image sets. */
export function imageSettings(): Settings {
  const image = readStages().at(-1);
  if (image === undefined) throw new Error("the Dockerfile has no stage");
  return pairsOf(image, "ENV");
}

/** Returns the most seconds that the service takes to stop. */
export function stopSeconds({ drainDelayMs, shutdownGraceMs }: Config): number {
  return (drainDelayMs + shutdownGraceMs) / 1000 + marginSeconds;
}

/** For aborting the remaining calls and closing the pool. */
const marginSeconds = 5;
