import { cpSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Instruction } from "dockerfile-ast";
import { outputOf } from "../third-party/command.js";
import {
  argumentsOf,
  contextPaths,
  pairsOf,
  readStages,
  type Stage,
  sourceStageOf,
} from "./dockerfile.js";

/** What the Dockerfile makes, without an engine: the files that it adds to those of its base. */
export type Image = {
  /** The root of its files: `/app` is `app` in it. */
  readonly root: string;
  readonly stage: Stage;
};

/**
 * Does what deploy/Dockerfile says, step by step, in an empty folder: copies from the context what its
 * ignore file lets through, and runs its commands as a user without rights. The programs of the base
 * image are this machine's.
 */
export async function replayDockerfile(repository: string, folder: string): Promise<Image> {
  const context = join(folder, "context");
  for (const path of contextPaths()) cpSync(join(repository, path), join(context, path), copied);
  const rootOf = (stage: string) => join(folder, `stage-${stage}`);
  let image: Image | undefined;
  for (const stage of readStages()) {
    const root = rootOf(stage.name);
    mkdirSync(root);
    if (stage.base !== undefined) cpSync(rootOf(stage.base), root, copied);
    const workdir = workdirs.get(stage.base) ?? "/";
    await replayStage(stage, { root, workdir, folder, context, rootOf });
    image = { root, stage };
  }
  if (image === undefined) throw new Error("the Dockerfile has no stage");
  await outputOf("chown", ["-R", "0:0", image.root]);
  return image;
}

type Place = {
  readonly root: string;
  readonly workdir: string;
  readonly folder: string;
  readonly context: string;
  readonly rootOf: (stage: string) => string;
};

/** Where each stage that has been replayed ended: those that continue it begin there. */
const workdirs = new Map<string | undefined, string>();

async function replayStage(stage: Stage, place: Place): Promise<void> {
  let { workdir } = place;
  for (const step of stage.steps) {
    switch (step.getKeyword()) {
      case "WORKDIR":
        workdir = argumentsOf(step)[0] ?? "";
        mkdirSync(join(place.root, workdir), { recursive: true });
        break;
      case "COPY":
        copy(step, join(place.root, workdir), place);
        break;
      case "RUN":
        await run(step, join(place.root, workdir), stage, place);
        break;
      default:
        if (!inert.has(step.getKeyword())) throw new Error(`${step.getKeyword()} is not replayed`);
    }
  }
  workdirs.set(stage.name, workdir);
}

function copy(step: Instruction, into: string, { context, rootOf }: Place): void {
  const from = sourceStageOf(step);
  const base = from === undefined ? context : rootOf(from);
  const paths = argumentsOf(step);
  const target = join(into, paths.pop() ?? "");
  for (const path of paths) {
    const source = join(base, path);
    if (!existsSync(source)) throw new Error(`COPY ${path}: it is not there`);
    // Of a folder the contents are copied, a file goes into a folder under its name.
    const isInto = !statSync(source).isDirectory() && target.endsWith("/");
    cpSync(source, isInto ? join(target, path) : target, copied);
  }
}

async function run(step: Instruction, workdir: string, stage: Stage, place: Place): Promise<void> {
  const script = step.getArgumentsContent() ?? "";
  const home = join(place.folder, "home");
  mkdirSync(home, { recursive: true });
  await outputOf("chown", ["-R", `${userId}:${userId}`, place.root, home]);
  const base = readStages().find(({ name }) => name === stage.base);
  const environment = { ...(base && pairsOf(base, "ENV")), ...pairsOf(stage, "ENV"), HOME: home };
  const settings = Object.entries({ PATH: process.env.PATH, ...environment });
  const words = settings.map(([name, value]) => `${name}=${value}`);
  await outputOf("env", ["-i", ...words, ...asUser, "sh", "-c", script], workdir);
}

/** Without an entry in /etc/passwd, like the user of the image. */
export const userId = 10001;
export const asUser = [
  "setpriv",
  `--reuid=${userId}`,
  `--regid=${userId}`,
  "--clear-groups",
  "--no-new-privs",
];

const copied = { recursive: true, verbatimSymlinks: true };
const inert = new Set([
  ...["ENV", "LABEL", "EXPOSE", "USER", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"],
]);
