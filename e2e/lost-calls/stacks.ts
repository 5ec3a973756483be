import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { buildIfChanged } from "../../bench/support/build.js";
import { buildClient, buildTimeoutMs, run } from "../examples/build.js";
import { clients } from "../examples/clients.js";

/** A client library, and the program in `callers` that calls with it. */
export type Stack = {
  /** Its name in the tables of docs/clients.md. */
  readonly name: string;
  /** What else distinguishes it, for the table. */
  readonly how?: string;
  /** The folder of `examples` that brings its toolchain and its generated code. */
  readonly example?: string;
  readonly listener: "grpcAddress" | "httpAddress";
  /** Builds the program. Runs in the folder of the example. */
  readonly build?: readonly string[];
  /** Starts the program. Runs in the folder of the example, or in that of the repository. */
  readonly command: readonly string[];
  /** Whether it repeats calls as the rule in docs/clients.md says. */
  readonly retries?: true;
  /** At most how many calls are lost at an end of a connection, on average: 0 unless documented. */
  readonly mostLostPerEnd: number;
};

const repository = fileURLToPath(new URL("../..", import.meta.url));
const callers = `${repository}e2e/lost-calls/callers`;
const built = `${repository}dist/lost-calls`;
const node = [process.execPath, "--import", "tsx"];
const javaClasses = "target/classes:target/dependency/*";
/** As the programs make them, on one channel. */
export const callsAtATime = 8;
const rustCaller = "target/debug/lost-calls-caller";
const tonic = {
  name: "tonic",
  example: "rust",
  listener: "grpcAddress",
  // The dependencies are those of the example, which has downloaded and compiled them.
  build: [
    ...["sh", "-c"],
    `cp Cargo.lock ${callers}/ &&
    cargo build --quiet --offline --target-dir target --manifest-path ${callers}/Cargo.toml`,
  ],
} as const;
const connect = { name: "connect-node" } as const;

export const stacks: readonly Stack[] = [
  {
    name: "grpcio",
    example: "python",
    listener: "grpcAddress",
    command: [".venv/bin/python", `${callers}/caller.py`],
    mostLostPerEnd: 0,
  },
  {
    name: "grpc-go",
    example: "go",
    listener: "grpcAddress",
    build: ["go", "build", "-o", `${built}/go-caller`, `${callers}/caller.go`],
    command: [`${built}/go-caller`],
    mostLostPerEnd: 0,
  },
  {
    name: "grpc-java",
    example: "java",
    listener: "grpcAddress",
    build: ["javac", "-cp", javaClasses, "-d", `${built}/java`, `${callers}/Caller.java`],
    command: ["java", "-cp", `${built}/java:${javaClasses}`, "Caller"],
    mostLostPerEnd: 0,
  },
  {
    name: "grpc-js",
    listener: "grpcAddress",
    command: [...node, `${callers}/caller-grpc-js.ts`],
    mostLostPerEnd: 0,
  },
  {
    ...tonic,
    command: [rustCaller, "once"],
    // It fails the calls that wait for the connection when it reads GOAWAY, without sending them.
    mostLostPerEnd: callsAtATime,
  },
  {
    ...tonic,
    how: "with the example's retries",
    command: [rustCaller, "retrying"],
    retries: true,
    mostLostPerEnd: 0,
  },
  {
    name: "grpclib",
    example: "python",
    listener: "grpcAddress",
    build: [
      ...["sh", "-c"],
      `python3 -m venv ${built}/grpclib && ${built}/grpclib/bin/pip install --quiet \\
      --disable-pip-version-check --constraint requirements.txt \\
      grpclib==0.4.9 protobuf googleapis-common-protos`,
    ],
    command: [`${built}/grpclib/bin/python`, `${callers}/caller-grpclib.py`],
    // It closes the connection at the first GOAWAY, with its calls, and fails those that follow at once.
    mostLostPerEnd: 2 * callsAtATime,
  },
  {
    ...connect,
    how: "gRPC",
    listener: "grpcAddress",
    command: [...node, `${callers}/caller-connect.ts`, "grpc"],
    // It may begin calls between responses and GOAWAY, which it reads at once, and fails them.
    mostLostPerEnd: 2,
  },
  {
    ...connect,
    how: "Connect, HTTP/2",
    listener: "httpAddress",
    command: [...node, `${callers}/caller-connect.ts`, "http2"],
    // It may begin calls between responses and GOAWAY, which it reads at once, and fails them.
    mostLostPerEnd: 2,
  },
  {
    ...connect,
    how: "Connect, HTTP/2, with the example's retries",
    listener: "httpAddress",
    command: [...node, `${callers}/caller-connect.ts`, "retrying"],
    retries: true,
    mostLostPerEnd: 0,
  },
  {
    ...connect,
    how: "Connect, HTTP/1.1",
    listener: "httpAddress",
    command: [...node, `${callers}/caller-connect.ts`, "http1"],
    mostLostPerEnd: 0,
  },
];

/** Builds the program of a stack, unless neither it nor its example has changed. */
export async function buildCaller(stack: Stack): Promise<void> {
  const { name, example, build } = stack;
  const client = clients.find(({ folder }) => folder === example);
  if (client === undefined) return;
  await buildClient(client);
  if (build === undefined) return;
  const sources = ["proto", `examples/${client.folder}`, "e2e/lost-calls/callers"];
  await buildIfChanged(`lost-calls-${name}`, sources, async () => {
    await mkdir(built, { recursive: true });
    await run(client, build, buildTimeoutMs);
  });
}

/** Returns the folder in which the program of a stack runs. */
export function folderOf({ example }: Stack): string {
  return example === undefined ? repository : `${repository}examples/${example}`;
}

/** Returns how checks and the table name a stack. */
export function titleOf({ name, how }: Stack): string {
  return how === undefined ? name : `${name} (${how})`;
}
