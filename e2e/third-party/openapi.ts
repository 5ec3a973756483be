import { fileURLToPath } from "node:url";
import { withDataFolder } from "../../bench/support/service.js";
import type { Checks } from "./checks.js";
import { outputOf } from "./command.js";

/**
 * Checks that Schemathesis can read /openapi.json, and that the responses to its calls are what the
 * document says. Changes prices: other checks expect those of the example price book.
 */
export async function checkOpenApi({ check }: Checks, address: string): Promise<void> {
  const run = (phases: string, checks: readonly string[]) => {
    const args = [
      ...["--no-color", "--config-file", config, "run", `http://${address}/openapi.json`],
      ...["--phases", phases, "--checks", checks.join(","), "--warnings", "off"],
      ...["--max-examples", "10", "--seed", "7"],
    ];
    // It leaves files in the folder in which it runs.
    return withDataFolder(async (folder) => {
      await outputOf("schemathesis", args, folder);
    });
  };

  await check("schemathesis gets 200 for each example request of /openapi.json", () =>
    run("examples", [...conformance, "positive_data_acceptance"]),
  );
  await check("schemathesis gets what /openapi.json describes for any request", () =>
    run("coverage,fuzzing", conformance),
  );
}

const config = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
/** Among them: the body of each response has exactly the fields and types of its schema. */
const conformance = [
  ...["not_a_server_error", "status_code_conformance"],
  ...["content_type_conformance", "response_schema_conformance"],
];
