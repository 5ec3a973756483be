/** A client in one language: a folder of `examples` with a `build.sh` and two programs. */
export type Client = {
  readonly name: string;
  readonly folder: string;
  /** Which door it calls. */
  readonly door: "grpcAddress" | "httpAddress";
  /** The commands that have to be there, each with what brings it. */
  readonly needs: Readonly<Record<string, string>>;
  /** Takes an ADDRESS, and calculates a charge of the example price book. */
  readonly firstCharge: readonly string[];
  /** Takes ADDRESS NAME UNSTEADY_ADDRESS, and goes through everything a caller does. */
  readonly story: readonly string[];
};

const java = ["java", "-cp", "target/classes:target/dependency/*"];

export const clients: readonly Client[] = [
  {
    name: "Go",
    folder: "go",
    door: "grpcAddress",
    needs: { go: "Go 1.26 or later" },
    firstCharge: ["bin/first-charge"],
    story: ["bin/story"],
  },
  {
    name: "Python",
    folder: "python",
    door: "grpcAddress",
    needs: { python3: "Python 3.10 or later" },
    firstCharge: [".venv/bin/python", "first_charge.py"],
    story: [".venv/bin/python", "story.py"],
  },
  {
    name: "Java",
    folder: "java",
    door: "grpcAddress",
    needs: { java: "a JDK of 17 or later", mvn: "Maven 3.8 or later" },
    firstCharge: [...java, "FirstCharge"],
    story: [...java, "Story"],
  },
  {
    name: "Rust",
    folder: "rust",
    door: "grpcAddress",
    needs: { cargo: "Rust 1.88 or later" },
    firstCharge: ["target/debug/first-charge"],
    story: ["target/debug/story"],
  },
  {
    name: "TypeScript, grpc-js",
    folder: "typescript-grpc",
    door: "grpcAddress",
    needs: { node: "Node 20.19 or later" },
    firstCharge: ["node", "dist/src/first-charge.js"],
    story: ["node", "dist/src/story.js"],
  },
  {
    name: "TypeScript, Connect",
    folder: "typescript-connect",
    door: "httpAddress",
    needs: { node: "Node 20.19 or later" },
    firstCharge: ["node", "dist/src/first-charge.js"],
    story: ["node", "dist/src/story.js"],
  },
];
