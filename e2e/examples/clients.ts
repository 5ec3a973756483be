/** A client in one language: a folder of `examples` with a `build.sh` and its programs. */
export type Client = {
  readonly name: string;
  readonly folder: string;
  /** Which listener it calls. */
  readonly listener: "grpcAddress" | "httpAddress";
  /** The commands that it needs, each with the software that brings it. */
  readonly needs: Readonly<Record<string, string>>;
  /** Takes an ADDRESS, and calculates a charge of the example price book. */
  readonly firstCharge: readonly string[];
  /** Takes ADDRESS FILE, and calculates a charge of the provider's answer in the file. */
  readonly firstChargeFromUsage: readonly string[];
  /** Takes ADDRESS NAME UNSTEADY_ADDRESS, and does everything a caller does. */
  readonly scenario: readonly string[];
  /** Checks what docs/decimals.md says about the language, and prints the widest charge. */
  readonly decimals?: readonly string[];
};

const java = ["java", "-cp", "target/classes:target/dependency/*"];

export const clients: readonly Client[] = [
  {
    name: "Go",
    folder: "go",
    listener: "grpcAddress",
    needs: { go: "Go 1.26 or later" },
    firstCharge: ["bin/first-charge"],
    firstChargeFromUsage: ["bin/first-charge-from-usage"],
    scenario: ["bin/scenario"],
    decimals: ["bin/decimals"],
  },
  {
    name: "Python",
    folder: "python",
    listener: "grpcAddress",
    needs: { python3: "Python 3.10 or later" },
    firstCharge: [".venv/bin/python", "first_charge.py"],
    firstChargeFromUsage: [".venv/bin/python", "first_charge_from_usage.py"],
    scenario: [".venv/bin/python", "scenario.py"],
    decimals: [".venv/bin/python", "decimals.py"],
  },
  {
    name: "Java",
    folder: "java",
    listener: "grpcAddress",
    needs: { java: "a JDK of 17 or later", mvn: "Maven 3.8 or later" },
    firstCharge: [...java, "FirstCharge"],
    firstChargeFromUsage: [...java, "FirstChargeFromUsage"],
    scenario: [...java, "Scenario"],
    decimals: [...java, "Decimals"],
  },
  {
    name: "Rust",
    folder: "rust",
    listener: "grpcAddress",
    needs: { cargo: "Rust 1.88 or later" },
    firstCharge: ["target/debug/first-charge"],
    firstChargeFromUsage: ["target/debug/first-charge-from-usage"],
    scenario: ["target/debug/scenario"],
    decimals: ["target/debug/decimals"],
  },
  {
    name: "TypeScript, grpc-js",
    folder: "typescript-grpc",
    listener: "grpcAddress",
    needs: { node: "Node 20.19 or later" },
    firstCharge: ["node", "dist/src/first-charge.js"],
    firstChargeFromUsage: ["node", "dist/src/first-charge-from-usage.js"],
    scenario: ["node", "dist/src/scenario.js"],
    decimals: ["node", "dist/src/decimals.js"],
  },
  {
    name: "TypeScript, Connect",
    folder: "typescript-connect",
    listener: "httpAddress",
    needs: { node: "Node 20.19 or later" },
    firstCharge: ["node", "dist/src/first-charge.js"],
    firstChargeFromUsage: ["node", "dist/src/first-charge-from-usage.js"],
    scenario: ["node", "dist/src/scenario.js"],
  },
];
