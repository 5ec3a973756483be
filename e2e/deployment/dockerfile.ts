import { readFileSync } from "node:fs";
import { Copy, type Dockerfile, DockerfileParser, type Instruction } from "dockerfile-ast";

/** A stage of the Dockerfile: what it builds on, and its instructions without FROM and ARG. */
export type Stage = {
  /** The stage that it continues, or undefined for an external image. */
  readonly base: string | undefined;
  readonly name: string;
  readonly steps: readonly Instruction[];
};

/** deploy/Dockerfile, stage by stage, in order. */
export function readStages(): Stage[] {
  const dockerfile: Dockerfile = DockerfileParser.parse(readDeployed("Dockerfile"));
  const stages: (Stage & { readonly steps: Instruction[] })[] = [];
  for (const image of dockerfile.getFROMs()) {
    const base = stages.find(({ name }) => name === image.getImage())?.name;
    stages.push({ base, name: image.getBuildStage() ?? "", steps: [] });
  }
  let index = -1;
  for (const step of dockerfile.getInstructions()) {
    if (step.getKeyword() === "FROM") index += 1;
    else if (step.getKeyword() !== "ARG") stages[index]?.steps.push(step);
  }
  return stages;
}

/** Returns the only instruction of a kind in a stage. @throws Error if there is none, or several. */
export function only({ name, steps }: Stage, keyword: string): Instruction {
  const [step, ...others] = steps.filter((each) => each.getKeyword() === keyword);
  if (step !== undefined && others.length === 0) return step;
  throw new Error(`stage ${JSON.stringify(name)} has ${step ? "more than one" : "no"} ${keyword}`);
}

export function argumentsOf(step: Instruction): string[] {
  return step.getArguments().map((each) => each.getValue());
}

/** Returns the words of a command in exec form. */
export function execFormOf(step: Instruction): string[] {
  const command = /^(?:CMD +)?(\[.*\])$/s.exec(argumentText(step))?.[1];
  if (command === undefined) throw new Error(`${step.getKeyword()} is not in exec form`);
  return JSON.parse(command);
}

function argumentText(step: Instruction): string {
  // The options of a HEALTHCHECK stand before its command.
  const text = (step.getArgumentsContent() ?? "").replaceAll(/\\\n/g, " ");
  return text.replace(/^(?:--\S+ +)*/, "").trim();
}

/** Returns the pairs that ENV or LABEL sets. */
export function pairsOf({ steps }: Stage, keyword: "ENV" | "LABEL"): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const step of steps.filter((each) => each.getKeyword() === keyword)) {
    const text = argumentText(step);
    for (const [, name = "", quoted, bare] of text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)) {
      pairs[name] = quoted ?? bare ?? "";
    }
  }
  return pairs;
}

/** Returns the stage from which a COPY takes its files, or undefined for the context. */
export function sourceStageOf(step: Instruction): string | undefined {
  return step instanceof Copy ? (step.getFromFlag()?.getValue() ?? undefined) : undefined;
}

/** Returns the paths that are sent to the builder: the exceptions in the ignore file. */
export function contextPaths(): string[] {
  const lines = readDeployed("Dockerfile.dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines[0] !== "*") throw new Error("Dockerfile.dockerignore has to begin with *");
  return lines.slice(1).map((line) => {
    if (!/^![\w.-]+$/.test(line)) throw new Error(`Dockerfile.dockerignore: ${line}?`);
    return line.slice(1);
  });
}

export function readDeployed(path: string): string {
  return readFileSync(new URL(`../../deploy/${path}`, import.meta.url), "utf8");
}
